import type { Millis } from '../core/clock.js';
import { dateTime64 } from '../core/sql-time.js';
import type { FeatureCatalogue } from './catalogue.js';
import { AS_OF, heldSql, populationSql, type Scope, scopeSql } from './population.js';

/** A question to the store: what the subscriptions in a scope were like as of a time. */
export interface FeatureQuestion {
  readonly scope: Scope;
  readonly asOf: Millis;
  /**
   * Only what had arrived by then counts, as in a backtest. Absent: everything that is in the store now, so that a signal
   * which arrived late still counts for the time it speaks of.
   */
  readonly knownAt?: Millis;
}

export interface Query {
  readonly sql: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/**
 * The one feature query: signals are joined to the subscriptions they speak of, aggregated once, and turned into features.
 * One row a subscription, in the order of account and subscription: identity, contract, history, features, which `inRange`
 * then puts into their ranges.
 *
 * Rows of one signal never span partitions, so those are not merged with one another.
 */
export function featureQuery(catalogue: FeatureCatalogue, question: FeatureQuestion): Query {
  const scope = scopeSql(question.scope);
  const knownAt = question.knownAt !== undefined;
  const held = heldSql(knownAt);
  const population = populationSql(scope.sql, knownAt);
  const aggregates = [...catalogue.aggregates].map(([name, sql]) => `${sql} AS ${name}`);
  const features = catalogue.features.map(({ name, type, sql }) =>
    type === 'boolean' ? `CAST(${sql} AS Nullable(Bool)) AS ${name}` : `toFloat64(${sql}) AS ${name}`,
  );
  const sql = `SELECT p.account_id AS account_id, p.subscription_id AS subscription_id,
  ${[CONTRACT_SQL, HISTORY_SQL, ...features].join(',\n  ')}
FROM (${population}) AS p
LEFT JOIN (
  SELECT ${['p.sub_no AS sub_no', ...aggregates].join(',\n    ')}
  FROM (
    SELECT account_id, subscription_id, category, type, occurred_at, value, attributes, ${AS_OF} AS as_of,
      (toUnixTimestamp64Milli(${AS_OF}) - toUnixTimestamp64Milli(occurred_at)) / 86400000 AS age_days
    FROM signal_log FINAL
    WHERE ${scope.sql} AND occurred_at <= ${AS_OF} AND occurred_at > ${AS_OF} - toIntervalDay(${catalogue.lookbackDays}) AND ${held}
    SETTINGS do_not_merge_across_partitions_select_final = 1
  ) AS s
  INNER JOIN (SELECT account_id, subscription_id, implicit, sub_no FROM (${population})) AS p ON s.account_id = p.account_id
  WHERE s.subscription_id = '' OR s.subscription_id = p.subscription_id OR p.implicit
  GROUP BY p.sub_no
) AS a ON a.sub_no = p.sub_no
LEFT JOIN (${previousRiskSql(scope.sql)}) AS r ON r.account_id = p.account_id AND r.subscription_id = p.subscription_id
LEFT JOIN (${cancelIntentSql(scope.sql, held)}) AS o ON o.account_id = p.account_id AND o.subscription_id = p.subscription_id
ORDER BY p.sub_no`;
  return {
    sql,
    params: {
      ...scope.params,
      as_of: dateTime64(question.asOf),
      ...(question.knownAt === undefined ? {} : { known_at: dateTime64(question.knownAt) }),
    },
  };
}

/**
 * - least and greatest of something not known are not known either.
 * - Compiling expressions to machine code saves nothing on millions of rows, and takes a third of the time on a few accounts.
 */
export const FEATURE_SETTINGS = {
  least_greatest_legacy_null_behavior: 1,
  compile_expressions: 0,
  compile_aggregate_expressions: 0,
  compile_sort_description: 0,
} as const;

/** The contract as facts: text that is not known becomes NULL, which is what rules and scorecards call missing. */
const CONTRACT_SQL = [
  ...['status', 'product', 'plan', 'tier', 'segment', 'region', 'currency', 'owner'].map(
    (name) => `toLowCardinality(nullIf(p.${name}, '')) AS ${name}`,
  ),
  ...['add_ons', 'seats', 'arr_minor', 'renewal', 'auto_renew', 'notice_days'].map(
    (name) => `p.${name} AS ${name}`,
  ),
].join(', ');

const HISTORY_SQL = `toLowCardinality(nullIf(r.previous_band, '')) AS previous_band, r.previous_risk AS previous_risk,
  CAST(o.cancel_intent AS Bool) AS cancel_intent_open`;

/**
 * The risk before this one. Only what was scored as of an earlier time counts, so that scoring the same time again gives
 * the same; and only of the last 30 days: after a longer pause there is no band to cling to.
 */
function previousRiskSql(scope: string): string {
  return `SELECT account_id, subscription_id, argMax(CAST(risk AS Nullable(Float64)), (as_of, computed_at)) AS previous_risk,
    argMax(band, (as_of, computed_at)) AS previous_band
  FROM risk_log
  WHERE ${scope} AND as_of < ${AS_OF} AND as_of >= ${AS_OF} - toIntervalDay(30)
  GROUP BY account_id, subscription_id`;
}

/** Whether the customer said that they want to leave, and has not taken it back. */
function cancelIntentSql(scope: string, held: string): string {
  return `SELECT account_id, subscription_id, argMax(kind, (occurred_at, kind)) = 'cancel_intent' AS cancel_intent
  FROM outcome_log FINAL
  WHERE ${scope} AND kind IN ('cancel_intent', 'cancel_intent_withdrawn') AND occurred_at <= ${AS_OF} AND ${held}
  GROUP BY account_id, subscription_id`;
}
