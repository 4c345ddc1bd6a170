import type { Feature, FeatureCatalogue } from './feature.js';
import type { Measure } from './measures/measure.js';
import { branchSql } from './planner/branch-sql.js';
import { branchesOf, type Spread } from './planner/branches.js';
import { CONTRACT_SQL, cancelIntentSql, cancelOutcomesSql } from './planner/contract-sql.js';
import { observedSubscriptions, presentSubscriptions, type Subscriptions } from './planner/subscriptions.js';
import type { FeatureQuestion, Query } from './question.js';

/**
 * The one feature query: for each branch the signals that its measures want are joined to the subscriptions they speak of and
 * aggregated, and the branches are put beside one another. One row a subscription, in the order of account and subscription:
 * identity, contract, whether they want to leave, and measures, of which `FeatureValues` makes features.
 *
 * @param measures Those that are asked for. Leaving out what nobody sends changes nothing.
 */
export function featureQuery(
  catalogue: FeatureCatalogue,
  question: FeatureQuestion,
  measures: readonly Measure[] = catalogue.measures,
): Query {
  const subscriptions =
    'observations' in question ? observedSubscriptions(question) : presentSubscriptions(question);
  const branches = branchesOf(measures, spreadOf(question));
  const joins = branches.map(
    (branch, i) => `LEFT JOIN (\n  ${branchSql(branch, subscriptions)}\n) AS b${i} ON b${i}.n = p.sub_no`,
  );
  const plain = `WITH population AS MATERIALIZED (${subscriptions.sql})
SELECT p.account_id AS account_id, p.subscription_id AS subscription_id, p.as_of AS as_of, p.observed_at AS observed_at,
  ${[CONTRACT_SQL, CANCEL_SQL, ...branches.flatMap((branch, i) => branch.measures.map(({ name }) => `b${i}.${name} AS ${name}`))].join(',\n  ')}
FROM population AS p
${joins.join('\n')}
LEFT JOIN ${cancelIntentJoin(subscriptions)}
ORDER BY p.sub_no`;
  return { sql: withSqlFeatures(plain, catalogue), params: subscriptions.params };
}

function spreadOf(question: FeatureQuestion): Spread {
  return 'scope' in question && question.scope.kind === 'range' ? 'many' : 'one';
}

const CANCEL_SQL = 'CAST(o.cancel_intent AS Bool) AS cancel_intent_open';

/** Whether they want to leave, by subscription: what follows a join's `LEFT JOIN`. */
function cancelIntentJoin(subscriptions: Subscriptions): string {
  const { asOfMs, held, narrow } = subscriptions;
  const where = cancelOutcomesSql(subscriptions);
  if (asOfMs !== null)
    return `(
  SELECT account_id, subscription_id, ${cancelIntentSql('occurred_at')}
  FROM outcome_log FINAL WHERE ${where} AND ${held}
  GROUP BY account_id, subscription_id
) AS o ON o.account_id = p.account_id AND o.subscription_id = p.subscription_id`;
  return `(
  SELECT p.sub_no AS n, ${cancelIntentSql('s.occurred_at')}
  FROM (SELECT account_id, subscription_id, occurred_at, received_at, _until, kind FROM outcome_log FINAL WHERE ${where}) AS s
  INNER JOIN (${narrow([])}) AS p ON s.account_id = p.account_id AND s.subscription_id = p.subscription_id
  WHERE s.occurred_at <= p.as_of AND ${held}
  GROUP BY n
) AS o ON o.n = p.sub_no`;
}

/** Features that are ClickHouse expressions themselves, over the columns of all others. */
function withSqlFeatures(plain: string, { features }: FeatureCatalogue): string {
  const columns = features.filter(({ sql }) => sql !== null).map(sqlFeatureColumn);
  return columns.length === 0 ? plain : `SELECT *, ${columns.join(', ')} FROM (\n${plain}\n)`;
}

/** A feature in SQL as a column. */
export function sqlFeatureColumn({ name, type, sql }: Feature): string {
  return type === 'boolean' ? `CAST(${sql} AS Nullable(Bool)) AS ${name}` : `toFloat64(${sql}) AS ${name}`;
}
