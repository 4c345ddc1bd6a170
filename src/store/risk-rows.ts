import type { RecordBatch } from 'apache-arrow';
import {
  BooleanBuilder,
  type ColumnBuilder,
  floatLists,
  floats,
  IntegerBuilder,
  LabelBuilder,
  labels,
  oneTime,
  readyColumn,
  TextBuilder,
  TimeBuilder,
  toArrowStream,
} from '../columns/arrow-builder.js';
import type { Batch } from '../columns/batch.js';
import type { NumberColumn } from '../columns/column.js';
import { textReader } from '../columns/text-reader.js';
import type { Millis } from '../core/clock.js';
import type { Scores } from '../scoring/evaluate.js';
import type { Scoring } from '../scoring/load.js';
import type { RiskOverride } from '../scoring/override.js';
import { BANDS } from '../scoring/scorecard.js';
import { column, type EncodedRows, encodeRows } from './encoded-rows.js';

/** A batch of features together with its scores. */
export interface ScoredBatch {
  readonly batch: Batch;
  /** The record batch of the features: its identity and contract columns go back as they came. */
  readonly arrow: RecordBatch;
  readonly scores: Scores;
  /** (1 - renewal_probability) * ARR in minor units. */
  readonly arrAtRisk: NumberColumn;
  /** What people said that the risks of rows are. */
  readonly overrides: ReadonlyMap<number, RiskOverride>;
}

/**
 * Rows of `risk_state`, and through it of `risk_day_log`. The batch has a column `previous_band`. `epoch`: fencing token of a scorer,
 * by which the store drops what comes too late; 0: none.
 */
export function encodeRisks(
  scored: ScoredBatch,
  scoring: Scoring,
  asOf: Millis,
  computedAt: Millis,
  epoch = 0,
): EncodedRows {
  const columns = riskColumns(scored, scoring, asOf, computedAt);
  columns.set('band_changed', bandChanged(scored));
  const { length } = scored.batch;
  if (epoch !== 0)
    columns.set(
      'epoch',
      filled(new IntegerBuilder(), length, () => epoch),
    );
  return { table: tableOf(epoch), columns: [...columns.keys()], rows: length, bytes: toArrowStream(columns) };
}

function bandChanged({ batch, scores }: ScoredBatch): ColumnBuilder<never> {
  const before = textReader(batch, 'previous_band');
  return filled(new BooleanBuilder(), batch.length, (row) => {
    const previous = before(row);
    return previous !== '' && previous !== BANDS[scores.band[row]!]!;
  });
}

function tableOf(epoch: number): string {
  return epoch === 0 ? 'risk_state' : 'risk_writes';
}

/** Rows of `run_risk_log`: risks that a what-if computed. */
export function encodeRunRisks(
  run: string,
  scored: ScoredBatch,
  scoring: Scoring,
  asOf: Millis,
  computedAt: Millis,
): EncodedRows {
  const rows = scored.batch.length;
  const columns = riskColumns(scored, scoring, asOf, computedAt);
  columns.set('run', labels(new Int32Array(rows), [run]));
  return { table: 'run_risk_log', columns: [...columns.keys()], rows, bytes: toArrowStream(columns) };
}

/** Marks subscriptions in `risk_state` as gone: they do not run any more. */
export function encodeGone(
  subscriptions: readonly { readonly accountId: string; readonly subscriptionId: string }[],
  asOf: Millis,
  epoch = 0,
): EncodedRows {
  type Gone = (typeof subscriptions)[number];
  return encodeRows<Gone>(
    tableOf(epoch),
    [
      ...(epoch === 0 ? [] : [column('epoch', new IntegerBuilder(), () => epoch)]),
      column('account_id', new TextBuilder(), ({ accountId }: Gone) => accountId),
      column('subscription_id', new TextBuilder(), ({ subscriptionId }: Gone) => subscriptionId),
      column('as_of', new TimeBuilder(), () => asOf),
      column('gone', new BooleanBuilder(), () => true),
    ],
    subscriptions,
  );
}

/** The columns that every table of risks has, column by column: no row becomes an object on the way. */
function riskColumns(
  scored: ScoredBatch,
  scoring: Scoring,
  asOf: Millis,
  computedAt: Millis,
): Map<string, ColumnBuilder<never>> {
  const { batch, arrow, scores, arrAtRisk, overrides } = scored;
  const rows = batch.length;
  const asIs = (name: string) => readyColumn(arrow.getChild(name)!.data[0]!);
  const cards = scoring.scorecards.map(({ name }) => name);
  const columns = new Map<string, ColumnBuilder<never>>([
    ['account_id', asIs('account_id')],
    ['subscription_id', asIs('subscription_id')],
    ['as_of', oneTime(asOf, rows)],
    ['scoring_revision', labels(new Int32Array(rows), [scoring.revision])],
    ['scorecard', labels(scores.scorecard, cards)],
    ['risk', floats(scores.risk)],
    // A copy: of two columns in one buffer the writer would leave one out.
    ['computed_risk', floats(scores.computedRisk.slice())],
    ['renewal_probability', floats(scores.renewalProbability.values, scores.renewalProbability.valid)],
    ['band', labels(Int32Array.from(scores.band), BANDS)],
    ['coverage', floats(scores.coverage)],
    ['risk_usage', floats(scores.categoryRisk.usage.values, scores.categoryRisk.usage.valid)],
    ['risk_billing', floats(scores.categoryRisk.billing.values, scores.categoryRisk.billing.valid)],
    ['risk_support', floats(scores.categoryRisk.support.values, scores.categoryRisk.support.valid)],
    ['risk_marketing', floats(scores.categoryRisk.marketing.values, scores.categoryRisk.marketing.valid)],
    ['arr_minor', asIs('arr_minor')],
    ['currency', labelsOf(batch, 'currency')],
    ['arr_at_risk_minor', wholeNumbers(arrAtRisk)],
    ['renewal', asIs('renewal')],
    ['segment', labelsOf(batch, 'segment')],
    ['feature_values', floatLists(featureValues(batch, scoring), scoring.catalogue.features.length)],
    ['contributions', floatLists(byRow(scores.contributions, rows), scores.contributions.length)],
    ['computed_at', oneTime(computedAt, rows)],
  ]);
  // Where nobody overrides anything the table says so by itself.
  if (overrides.size > 0)
    for (const [name, column] of overrideColumns(overrides, rows)) columns.set(name, column);
  return columns;
}

function overrideColumns(
  overrides: ReadonlyMap<number, RiskOverride>,
  rows: number,
): [string, ColumnBuilder<never>][] {
  const text = (of: (override: RiskOverride) => string) =>
    filled(new TextBuilder(), rows, (row) => (overrides.has(row) ? of(overrides.get(row)!) : ''));
  const time = (of: (override: RiskOverride) => Millis) =>
    filled(new TimeBuilder(), rows, (row) => (overrides.has(row) ? of(overrides.get(row)!) : null));
  return [
    ['override_reason', text(({ reason }) => reason)],
    ['override_author', text(({ author }) => author)],
    ['override_set_at', time(({ setAt }) => setAt)],
    ['override_until', time(({ until }) => until)],
  ];
}

function filled<T>(builder: ColumnBuilder<T>, rows: number, at: (row: number) => T): ColumnBuilder<never> {
  for (let row = 0; row < rows; row++) builder.push(at(row));
  return builder as ColumnBuilder<never>;
}

/** A column of few different texts; '' where a row has none. */
function labelsOf(batch: Batch, name: string): ColumnBuilder<never> {
  const column = batch.column(name);
  if (column.kind !== 'string') throw new RangeError(`column ${name} holds no text`);
  if (column.valid === null) return labels(column.codes, column.dictionary);
  return filled(new LabelBuilder(), batch.length, textReader(batch, name));
}

function wholeNumbers({ values, valid }: NumberColumn): ColumnBuilder<never> {
  return filled(new IntegerBuilder(), values.length, (row) =>
    valid?.has(row) === false ? null : values[row]!,
  );
}

/** Feature values row by row; NaN where not known, booleans as 0 and 1. */
function featureValues(batch: Batch, scoring: Scoring): Float64Array {
  const { features } = scoring.catalogue;
  const out = new Float64Array(batch.length * features.length);
  features.forEach(({ name }, i) => {
    const column = batch.column(name);
    if (column.kind === 'number') spread(column.values, out, i, features.length);
    else if (column.kind === 'boolean') for (const row of column.values) out[row * features.length + i] = 1;
    if (column.valid === null) return;
    for (let row = 0; row < batch.length; row++)
      if (!column.valid.has(row)) out[row * features.length + i] = Number.NaN;
  });
  return out;
}

/** Puts the values of a column at its place of each row. */
function spread(values: Float64Array, out: Float64Array, place: number, width: number): void {
  for (let row = 0, at = place; row < values.length; row++, at += width) out[at] = values[row]!;
}

function byRow(columns: readonly Float64Array[], rows: number): Float64Array {
  const out = new Float64Array(rows * columns.length);
  columns.forEach((column, i) => {
    spread(column, out, i, columns.length);
  });
  return out;
}
