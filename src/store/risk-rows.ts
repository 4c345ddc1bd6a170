import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RecordBatch } from 'apache-arrow';
import {
  BooleanBuilder,
  type ColumnBuilder,
  IntegerBuilder,
  Labels,
  TextBuilder,
  TimeBuilder,
} from '../columns/arrow-builder.js';
import { toArrowStream } from '../columns/arrow-stream.js';
import type { Batch } from '../columns/batch.js';
import type { NumberColumn } from '../columns/column.js';
import { floatLists, floats, oneTime, readyColumn } from '../columns/ready-columns.js';
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
 * Rows of `risk_state`, and through it of `risk_day_log`, for one insert; others have their turn between batches. Each batch has a column `previous_band`. `epoch`: fencing
 * token of a scorer, by which the store drops what comes too late; 0: none.
 */
export function encodeRisks(
  batches: readonly ScoredBatch[],
  scoring: Scoring,
  asOf: Millis,
  computedAt: Millis,
  epoch = 0,
): Promise<EncodedRows> {
  return encoded(tableOf(epoch), batches, scoring, asOf, computedAt, (scored) => [
    ['band_changed', bandChanged(scored)],
    ...(epoch === 0
      ? []
      : [['epoch', filled(new IntegerBuilder(), scored.batch.length, () => epoch)] as const]),
  ]);
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
  batches: readonly ScoredBatch[],
  scoring: Scoring,
  asOf: Millis,
  computedAt: Millis,
): Promise<EncodedRows> {
  const names = new Labels([run]);
  return encoded('run_risk_log', batches, scoring, asOf, computedAt, ({ batch }) => [
    ['run', names.column(new Int32Array(batch.length))],
  ]);
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

type NamedColumn = readonly [string, ColumnBuilder<never>];

async function encoded(
  table: string,
  batches: readonly ScoredBatch[],
  scoring: Scoring,
  asOf: Millis,
  computedAt: Millis,
  own: (scored: ScoredBatch) => readonly NamedColumn[],
): Promise<EncodedRows> {
  const columnsOf = riskColumns(scoring, asOf, computedAt);
  // Where nobody overrides anything the table says so by itself.
  const overridden = batches.some(({ overrides }) => overrides.size > 0);
  const all: ReadonlyMap<string, ColumnBuilder<never>>[] = [];
  for (const scored of batches) {
    if (all.length > 0) await nextTurn();
    const overrides = overridden ? overrideColumns(scored.overrides, scored.batch.length) : [];
    all.push(new Map([...columnsOf(scored), ...overrides, ...own(scored)]));
  }
  return {
    table,
    columns: [...(all[0]?.keys() ?? [])],
    rows: batches.reduce((sum, { batch }) => sum + batch.length, 0),
    bytes: all.length === 0 ? new Uint8Array(0) : toArrowStream(...all),
  };
}

/** The columns that every table of risks has, column by column: no row becomes an object on the way. */
function riskColumns(
  scoring: Scoring,
  asOf: Millis,
  computedAt: Millis,
): (scored: ScoredBatch) => readonly NamedColumn[] {
  const revision = new Labels([scoring.revision]);
  const cards = new Labels(scoring.scorecards.map(({ name }) => name));
  const bands = new Labels(BANDS);
  const [currencies, segments] = [new Labels(), new Labels()];
  return ({ batch, arrow, scores, arrAtRisk }) => {
    const rows = batch.length;
    const asIs = (name: string) => readyColumn(arrow.getChild(name)!.data[0]!);
    return [
      ['account_id', asIs('account_id')],
      ['subscription_id', asIs('subscription_id')],
      ['as_of', oneTime(asOf, rows)],
      ['scoring_revision', revision.column(new Int32Array(rows))],
      ['scorecard', cards.column(scores.scorecard)],
      ['risk', floats(scores.risk.values, scores.risk.valid)],
      // A copy: of two columns in one buffer the writer would leave one out.
      ['computed_risk', floats(scores.computedRisk.slice())],
      ['renewal_probability', floats(scores.renewalProbability.values, scores.renewalProbability.valid)],
      ['band', bands.column(Int32Array.from(scores.band))],
      ['coverage', floats(scores.coverage)],
      ['risk_usage', floats(scores.categoryRisk.usage.values, scores.categoryRisk.usage.valid)],
      ['risk_billing', floats(scores.categoryRisk.billing.values, scores.categoryRisk.billing.valid)],
      ['risk_support', floats(scores.categoryRisk.support.values, scores.categoryRisk.support.valid)],
      ['risk_marketing', floats(scores.categoryRisk.marketing.values, scores.categoryRisk.marketing.valid)],
      ['arr_minor', asIs('arr_minor')],
      ['currency', labelsOf(batch, 'currency', currencies)],
      ['arr_at_risk_minor', wholeNumbers(arrAtRisk)],
      ['renewal', asIs('renewal')],
      ['segment', labelsOf(batch, 'segment', segments)],
      ['feature_values', floatLists(featureValues(batch, scoring), scoring.catalogue.features.length)],
      ['contributions', floatLists(byRow(scores.contributions, rows), scores.contributions.length)],
      ['computed_at', oneTime(computedAt, rows)],
    ];
  };
}

function overrideColumns(overrides: ReadonlyMap<number, RiskOverride>, rows: number): NamedColumn[] {
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
function labelsOf(batch: Batch, name: string, labels: Labels): ColumnBuilder<never> {
  const column = batch.column(name);
  if (column.kind !== 'string') throw new RangeError(`column ${name} holds no text`);
  const { codes, valid } = column;
  const numbers = Int32Array.from(column.dictionary, (text) => labels.numberOf(text));
  const none = valid === null ? 0 : labels.numberOf('');
  const out = new Int32Array(codes.length);
  for (let row = 0; row < out.length; row++)
    out[row] = valid === null || valid.has(row) ? numbers[codes[row]!]! : none;
  return labels.column(out);
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
