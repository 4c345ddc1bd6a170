import type { Feature, FeatureCatalogue } from './feature.js';
import type { Measure } from './measures/measure.js';
import { branchSql } from './planner/branch-sql.js';
import { branchesOf, type Spread } from './planner/branches.js';
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
LEFT JOIN ${cancelIntentSql(subscriptions)}
ORDER BY p.sub_no`;
  return { sql: withSqlFeatures(plain, catalogue), params: subscriptions.params };
}

function spreadOf(question: FeatureQuestion): Spread {
  return 'scope' in question && question.scope.kind === 'range' ? 'many' : 'one';
}

/**
 * Nothing that changes values: who asks a running engine asks under its own settings.
 * Compiling expressions to machine code saves nothing on millions of rows, and takes a third of the time on a few accounts.
 */
export const FEATURE_SETTINGS = {
  enable_materialized_cte: 1,
  compile_expressions: 0,
  compile_aggregate_expressions: 0,
  compile_sort_description: 0,
} as const;

/** The contract as facts: text that is not known becomes NULL, which is what rules and scorecards call missing. */
const CONTRACT_SQL = [
  ...['status', 'product', 'plan', 'tier', 'segment', 'region', 'currency', 'owner'].map(
    (name) => `toLowCardinality(nullIf(p.${name}, '')) AS ${name}`,
  ),
  ...['add_ons', 'seats', 'arr_minor', 'start', 'renewal', 'auto_renew', 'notice_days', 'plan_features'].map(
    (name) => `p.${name} AS ${name}`,
  ),
].join(', ');

const CANCEL_SQL = 'CAST(o.cancel_intent AS Bool) AS cancel_intent_open';

/** Whether the customer said that they want to leave, and has neither taken it back nor come to the end of the term since. */
function cancelIntentSql({ scope, latest, asOfMs, held, narrow }: Subscriptions): string {
  const latestOf = (times: string) => `argMax(kind, (${times}, kind)) = 'cancel_intent' AS cancel_intent`;
  const where = `${scope} AND kind IN ('cancel_intent', 'cancel_intent_withdrawn', 'renewed', 'churned') AND occurred_at <= ${latest}`;
  if (asOfMs !== null)
    return `(
  SELECT account_id, subscription_id, ${latestOf('occurred_at')}
  FROM outcome_log FINAL WHERE ${where} AND ${held}
  GROUP BY account_id, subscription_id
) AS o ON o.account_id = p.account_id AND o.subscription_id = p.subscription_id`;
  return `(
  SELECT p.sub_no AS n, ${latestOf('s.occurred_at')}
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
