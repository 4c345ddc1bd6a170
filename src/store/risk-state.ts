import type { Batch } from '../columns/batch.js';
import { type Value, valueAt } from '../columns/column.js';
import { batchFromArrow } from '../columns/from-arrow.js';
import type { Millis } from '../core/clock.js';
import { dateTime64 } from '../core/sql-time.js';
import { type Scope, scopeSql } from '../features/population.js';
import type { Scoring } from '../scoring/load.js';
import { BANDS, type Band } from '../scoring/scorecard.js';
import type { ScoredBatch } from './risk-rows.js';
import type { Store } from './store.js';

/** A risk as the store holds it. Null: not known. */
export interface StoredRisk {
  readonly accountId: string;
  readonly subscriptionId: string;
  readonly asOf: Millis;
  readonly scoringRevision: string;
  readonly scorecard: string;
  /** Null: the band is unknown. */
  readonly risk: number | null;
  /** What the scorecard made of what is known, whatever the band, and whatever a person said instead. */
  readonly computedRisk: number;
  readonly renewalProbability: number | null;
  readonly band: Band;
  readonly coverage: number;
  readonly riskUsage: number | null;
  readonly riskBilling: number | null;
  readonly riskSupport: number | null;
  readonly riskMarketing: number | null;
  readonly arrMinor: number | null;
  readonly currency: string;
  readonly arrAtRiskMinor: number | null;
  readonly renewal: Millis | null;
  readonly segment: string;
  readonly product: string;
  readonly plan: string;
  readonly owner: string;
  /** In the order of the revision's features; null: no data. */
  readonly featureValues: readonly (number | null)[];
  /** Same order; they sum to the computed risk. */
  readonly contributions: readonly number[];
  /** Empty: it is not overridden; then the times are null. */
  readonly overrideReason: string;
  readonly overrideAuthor: string;
  readonly overrideSetAt: Millis | null;
  readonly overrideUntil: Millis | null;
}

/** One row of a scored batch in the form in which it is stored. */
export function storedRiskAt(
  { batch, scores, arrAtRisk, overrides }: ScoredBatch,
  scoring: Scoring,
  asOf: Millis,
  row: number,
): StoredRisk {
  const at = (name: string) => valueAt(batch.column(name), row);
  const text = (name: string) => (at(name) as string | null) ?? '';
  const number = (value: Value) => (typeof value === 'boolean' ? Number(value) : (value as number | null));
  const override = overrides.get(row);
  return {
    accountId: text('account_id'),
    subscriptionId: text('subscription_id'),
    asOf,
    scoringRevision: scoring.revision,
    scorecard: scoring.scorecards[scores.scorecard[row]!]!.name,
    risk: number(valueAt(scores.risk, row)),
    computedRisk: scores.computedRisk[row]!,
    renewalProbability: number(valueAt(scores.renewalProbability, row)),
    band: BANDS[scores.band[row]!]!,
    coverage: scores.coverage[row]!,
    riskUsage: number(valueAt(scores.categoryRisk.usage, row)),
    riskBilling: number(valueAt(scores.categoryRisk.billing, row)),
    riskSupport: number(valueAt(scores.categoryRisk.support, row)),
    riskMarketing: number(valueAt(scores.categoryRisk.marketing, row)),
    arrMinor: number(at('arr_minor')),
    currency: text('currency'),
    arrAtRiskMinor: number(valueAt(arrAtRisk, row)),
    renewal: number(at('renewal')),
    segment: text('segment'),
    product: text('product'),
    plan: text('plan'),
    owner: text('owner'),
    featureValues: scoring.catalogue.features.map(({ name }) => number(at(name))),
    contributions: scores.contributions.map((points) => points[row]!),
    overrideReason: override?.reason ?? '',
    overrideAuthor: override?.author ?? '',
    overrideSetAt: override?.setAt ?? null,
    overrideUntil: override?.until ?? null,
  };
}

/** Columns of a risk with its contract, in the tables of risks. */
export const RISK_COLUMNS = [
  ...[
    'account_id',
    'subscription_id',
    'as_of',
    'scoring_revision',
    'scorecard',
    'risk',
    'computed_risk',
    'renewal_probability',
    'band',
  ],
  ...['coverage', 'risk_usage', 'risk_billing', 'risk_support', 'risk_marketing', 'arr_minor', 'currency'],
  ...[
    'arr_at_risk_minor',
    'renewal',
    'segment',
    'product',
    'plan',
    'owner',
    'feature_values',
    'contributions',
  ],
  ...['override_reason', 'override_author', 'override_set_at', 'override_until'],
];

/** A StoredRisk from such columns. */
export const STORED_RISK = `account_id AS accountId, subscription_id AS subscriptionId, toUnixTimestamp64Milli(as_of) AS asOf,
  scoring_revision AS scoringRevision, scorecard, risk, computed_risk AS computedRisk, renewal_probability AS renewalProbability, band, coverage, risk_usage AS riskUsage,
  risk_billing AS riskBilling, risk_support AS riskSupport, risk_marketing AS riskMarketing, arr_minor AS arrMinor, currency,
  arr_at_risk_minor AS arrAtRiskMinor, toUnixTimestamp64Milli(toDateTime64(renewal, 3, 'UTC')) AS renewal, segment, product, plan, owner,
  feature_values AS featureValues, contributions, override_reason AS overrideReason, override_author AS overrideAuthor,
  toUnixTimestamp64Milli(override_set_at) AS overrideSetAt, toUnixTimestamp64Milli(override_until) AS overrideUntil`;

/** The risks of subscriptions now, in no order; those that were never scored, or do not run any more, are not among them. */
export async function readLatestRisks(
  store: Store,
  subscriptionIds: readonly string[],
): Promise<readonly StoredRisk[]> {
  const among = 'subscription_id IN {subscriptions:Array(String)}';
  return store.rows<StoredRisk>(
    `SELECT ${STORED_RISK} FROM (
       SELECT r.*, c.product AS product, c.plan AS plan, c.owner AS owner FROM (
         SELECT * FROM (SELECT * FROM risk_state WHERE ${among} ORDER BY as_of DESC LIMIT 1 BY account_id, subscription_id)
         WHERE NOT gone ORDER BY as_of DESC LIMIT 1 BY subscription_id
       ) AS r
       LEFT JOIN (
         SELECT account_id, subscription_id, product, plan, owner FROM subscription_log FINAL
         WHERE ${among} AND _ended = '' AND occurred_at <= now64(3) ORDER BY account_id, subscription_id, occurred_at DESC LIMIT 1 BY account_id, subscription_id
       ) AS c ON c.account_id = r.account_id AND c.subscription_id = r.subscription_id
     ) AS l`,
    { subscriptions: subscriptionIds },
  );
}

/** The risks before a pass over some accounts, in their order: account_id, subscription_id, risk, band, as_of. `time`: as of then; null: now. */
export async function* readPreviousRisks(
  store: Store,
  scope: Scope,
  time: Millis | null,
): AsyncGenerator<Batch> {
  const { sql, params } = scopeSql(scope);
  const columns =
    'account_id, subscription_id, risk, toLowCardinality(band) AS band, toUnixTimestamp64Milli(r.as_of) AS as_of';
  const query =
    time === null
      ? `SELECT ${columns} FROM risk_state AS r FINAL WHERE ${sql} AND NOT r.gone
         ORDER BY account_id, subscription_id`
      : `SELECT ${columns} FROM (
           SELECT account_id, subscription_id, risk, band, as_of FROM risk_day_log WHERE ${sql} AND as_of <= {risk_time:DateTime64(3, 'UTC')}
           ORDER BY account_id, subscription_id, as_of DESC LIMIT 1 BY account_id, subscription_id
         ) AS r ORDER BY account_id, subscription_id`;
  const at = time === null ? {} : { risk_time: dateTime64(time) };
  for await (const arrow of store.arrow(query, { ...params, ...at }, { lane: 'batch' }))
    if (arrow.numRows > 0) yield batchFromArrow(arrow);
}

/** The latest time up to `until` as of which a risk was stored; 0: none was. */
export async function readLatestAsOf(store: Store, until: Millis): Promise<Millis> {
  const rows = await store.rows<{ latest: Millis | null }>(
    `SELECT toUnixTimestamp64Milli(maxOrNull(as_of)) AS latest FROM risk_state WHERE as_of <= {until:DateTime64(3, 'UTC')}`,
    { until: dateTime64(until) },
    { lane: 'batch' },
  );
  return rows[0]?.latest ?? 0;
}

/** How many subscriptions have a risk now. */
export async function countRunning(store: Store): Promise<number> {
  const rows = await store.rows<{ running: number }>(
    'SELECT count() AS running FROM (SELECT gone FROM risk_state FINAL) WHERE NOT gone',
    {},
    { lane: 'batch' },
  );
  return rows[0]?.running ?? 0;
}

/** Number and ARR of the risks of now, by band and currency. Null: there is none whose ARR is known. */
export async function countBands(
  store: Store,
): Promise<readonly { band: Band; currency: string; subscriptions: number; arrMinor: number | null }[]> {
  return store.rows(
    `SELECT band, currency, count() AS subscriptions, sum(arr_minor) AS arrMinor FROM (
       SELECT band, currency, arr_minor, gone FROM risk_state FINAL
     ) WHERE NOT gone GROUP BY band, currency ORDER BY band, currency`,
  );
}
