import type { RecordBatch } from 'apache-arrow';
import {
  floatLists,
  floats,
  IntegerBuilder,
  readyColumn,
  TextBuilder,
  TimeBuilder,
  toArrowStream,
} from '../columns/arrow-builder.js';
import type { Batch } from '../columns/batch.js';
import { type NumberColumn, type Value, valueAt } from '../columns/column.js';
import type { Millis } from '../core/clock.js';
import { dateTime64 } from '../core/sql-time.js';
import type { Scores } from '../scoring/evaluate.js';
import type { Scoring } from '../scoring/load.js';
import { BANDS, type Band } from '../scoring/scorecard.js';
import type { EncodedRows } from './encoded-rows.js';
import type { QueryParams, Store } from './store.js';

/** A batch of features together with its scores. */
export interface ScoredBatch {
  readonly batch: Batch;
  /** The record batch of the features: its identity and contract columns go back as they came. */
  readonly arrow: RecordBatch;
  readonly scores: Scores;
  /** (1 - renewal_probability) * ARR in minor units. */
  readonly arrAtRisk: NumberColumn;
}

/** Rows of `risk_log`, column by column: no row becomes an object on the way. */
export function encodeRisks(
  scored: ScoredBatch,
  scoring: Scoring,
  asOf: Millis,
  computedAt: Millis,
): EncodedRows {
  const { batch, arrow, scores, arrAtRisk } = scored;
  const rows = batch.length;
  const asIs = (name: string) => readyColumn(arrow.getChild(name)!.data[0]!);
  const text = (at: (row: number) => string) => filled(new TextBuilder(), rows, at);
  const columns = new Map([
    ['account_id', asIs('account_id')],
    ['subscription_id', asIs('subscription_id')],
    ['as_of', filled(new TimeBuilder(), rows, () => asOf)],
    ['scoring_revision', text(() => scoring.revision)],
    ['scorecard', text((row) => scoring.scorecards[scores.scorecard[row]!]!.name)],
    ['risk', floats(scores.risk)],
    ['renewal_probability', floats(scores.renewalProbability.values, scores.renewalProbability.valid)],
    ['band', text((row) => BANDS[scores.band[row]!]!)],
    ['coverage', floats(scores.coverage)],
    ['risk_usage', floats(scores.categoryRisk.usage.values, scores.categoryRisk.usage.valid)],
    ['risk_billing', floats(scores.categoryRisk.billing.values, scores.categoryRisk.billing.valid)],
    ['risk_support', floats(scores.categoryRisk.support.values, scores.categoryRisk.support.valid)],
    ['risk_marketing', floats(scores.categoryRisk.marketing.values, scores.categoryRisk.marketing.valid)],
    ['arr_minor', asIs('arr_minor')],
    ['currency', textOf(batch, 'currency')],
    [
      'arr_at_risk_minor',
      filled(new IntegerBuilder(), rows, (row) =>
        arrAtRisk.valid?.has(row) === false ? null : arrAtRisk.values[row]!,
      ),
    ],
    ['renewal', asIs('renewal')],
    ['segment', textOf(batch, 'segment')],
    ['feature_values', floatLists(featureValues(batch, scoring), scoring.catalogue.features.length)],
    ['contributions', floatLists(byRow(scores.contributions, rows), scores.contributions.length)],
    ['computed_at', filled(new TimeBuilder(), rows, () => computedAt)],
  ]);
  return { table: 'risk_log', columns: [...columns.keys()], rows, bytes: toArrowStream(columns) };
}

function filled<T, B extends { push(value: T): void }>(builder: B, rows: number, at: (row: number) => T): B {
  for (let row = 0; row < rows; row++) builder.push(at(row));
  return builder;
}

function textOf(batch: Batch, name: string) {
  const column = batch.column(name);
  if (column.kind !== 'string') throw new RangeError(`${name} is not text`);
  return filled(new TextBuilder(), batch.length, (row) =>
    column.valid?.has(row) === false ? '' : column.dictionary[column.codes[row]!]!,
  );
}

/** Feature values row by row; NaN where not known, booleans as 0 and 1. */
function featureValues(batch: Batch, scoring: Scoring): Float64Array {
  const { features } = scoring.catalogue;
  const out = new Float64Array(batch.length * features.length);
  features.forEach(({ name }, i) => {
    const column = batch.column(name);
    for (let row = 0; row < batch.length; row++) {
      const known = column.valid === null || column.valid.has(row);
      out[row * features.length + i] = !known
        ? Number.NaN
        : column.kind === 'number'
          ? column.values[row]!
          : column.kind === 'boolean' && column.values.has(row)
            ? 1
            : 0;
    }
  });
  return out;
}

function byRow(columns: readonly Float64Array[], rows: number): Float64Array {
  const out = new Float64Array(rows * columns.length);
  columns.forEach((column, i) => {
    for (let row = 0; row < rows; row++) out[row * columns.length + i] = column[row]!;
  });
  return out;
}

/** A risk as the store holds it. Null: not known. */
export interface StoredRisk {
  readonly accountId: string;
  readonly subscriptionId: string;
  readonly asOf: Millis;
  readonly scoringRevision: string;
  readonly scorecard: string;
  readonly risk: number;
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
  /** In the order of the revision's features; null: no data. */
  readonly featureValues: readonly (number | null)[];
  /** Same order; they sum to the risk. */
  readonly contributions: readonly number[];
}

/** One row of a scored batch in the form in which it is stored. */
export function storedRiskAt(
  { batch, scores, arrAtRisk }: ScoredBatch,
  scoring: Scoring,
  asOf: Millis,
  row: number,
): StoredRisk {
  const at = (name: string) => valueAt(batch.column(name), row);
  const text = (name: string) => (at(name) as string | null) ?? '';
  const number = (value: Value) => (typeof value === 'boolean' ? Number(value) : (value as number | null));
  return {
    accountId: text('account_id'),
    subscriptionId: text('subscription_id'),
    asOf,
    scoringRevision: scoring.revision,
    scorecard: scoring.scorecards[scores.scorecard[row]!]!.name,
    risk: scores.risk[row]!,
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
    featureValues: scoring.catalogue.features.map(({ name }) => number(at(name))),
    contributions: scores.contributions.map((points) => points[row]!),
  };
}

const STORED_RISK = `account_id AS accountId, subscription_id AS subscriptionId, toUnixTimestamp64Milli(as_of) AS asOf,
  scoring_revision AS scoringRevision, scorecard, risk, renewal_probability AS renewalProbability, band, coverage, risk_usage AS riskUsage,
  risk_billing AS riskBilling, risk_support AS riskSupport, risk_marketing AS riskMarketing, arr_minor AS arrMinor, currency,
  arr_at_risk_minor AS arrAtRiskMinor, toUnixTimestamp64Milli(renewal) AS renewal, segment, feature_values AS featureValues, contributions`;

/** The latest risk of a subscription; undefined when it was never scored. */
export async function readLatestRisk(store: Store, subscriptionId: string): Promise<StoredRisk | undefined> {
  const rows = await store.rows<StoredRisk>(
    `SELECT ${STORED_RISK} FROM (
       SELECT * FROM risk_log WHERE subscription_id = {subscription:String} ORDER BY risk_log.as_of DESC, computed_at DESC LIMIT 1
     )`,
    { subscription: subscriptionId },
  );
  return rows[0];
}

export interface RiskFilter {
  readonly bands?: readonly Band[];
  readonly accountId?: string;
  readonly segment?: string;
  /** Only renewals up to this time, and not in the past. */
  readonly renewalFrom?: Millis;
  readonly renewalTo?: Millis;
  /** Only what comes after this one in the order of the list. */
  readonly after?: { readonly unknown: boolean; readonly risk: number; readonly subscriptionId: string };
  readonly limit: number;
}

/** Latest risks, highest first, then by subscription; those of whom too little is known come last. */
export async function listLatestRisks(store: Store, filter: RiskFilter): Promise<readonly StoredRisk[]> {
  const outer: string[] = [];
  const params: Record<string, unknown> = { limit: filter.limit };
  if (filter.bands !== undefined && filter.bands.length > 0) {
    outer.push('band IN {bands:Array(String)}');
    params.bands = filter.bands;
  }
  if (filter.segment !== undefined) {
    outer.push('segment = {segment:String}');
    params.segment = filter.segment;
  }
  if (filter.renewalFrom !== undefined && filter.renewalTo !== undefined) {
    outer.push(
      "l.renewal >= {renewal_from:DateTime64(3, 'UTC')} AND l.renewal <= {renewal_to:DateTime64(3, 'UTC')}",
    );
    params.renewal_from = dateTime64(filter.renewalFrom);
    params.renewal_to = dateTime64(filter.renewalTo);
  }
  if (filter.after !== undefined) {
    outer.push(
      "(band = 'unknown', -risk, subscription_id) > ({after_unknown:Bool}, -{after_risk:Float64}, {after_subscription:String})",
    );
    params.after_unknown = filter.after.unknown;
    params.after_risk = filter.after.risk;
    params.after_subscription = filter.after.subscriptionId;
  }
  const account = filter.accountId === undefined ? '' : 'WHERE account_id = {account:String}';
  if (filter.accountId !== undefined) params.account = filter.accountId;
  return store.rows<StoredRisk>(
    `SELECT ${STORED_RISK} FROM (
       SELECT * FROM risk_log ${account} ORDER BY account_id, subscription_id, as_of DESC, computed_at DESC LIMIT 1 BY account_id, subscription_id
     ) AS l ${outer.length === 0 ? '' : `WHERE ${outer.join(' AND ')}`}
     ORDER BY band = 'unknown', risk DESC, subscription_id LIMIT {limit:UInt32}`,
    params,
  );
}

/** Number and ARR of the latest risks by band and currency. */
export async function countBands(
  store: Store,
  params: QueryParams = {},
): Promise<readonly { band: Band; currency: string; subscriptions: number; arrMinor: number }[]> {
  return store.rows(
    `SELECT band, currency, count() AS subscriptions, toInt64(sum(ifNull(arr_minor, 0))) AS arrMinor FROM (
       SELECT band, currency, arr_minor FROM risk_log ORDER BY account_id, subscription_id, as_of DESC, computed_at DESC LIMIT 1 BY account_id, subscription_id
     ) GROUP BY band, currency ORDER BY band, currency`,
    params,
  );
}
