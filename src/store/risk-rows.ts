import type { RecordBatch } from 'apache-arrow';
import {
  BooleanBuilder,
  type ColumnBuilder,
  floatLists,
  floats,
  IntegerBuilder,
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
  /** What a person said that the risk of a row is. */
  readonly overrideAt: (row: number) => RiskOverride | undefined;
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
  const rows = scored.batch.length;
  const before = textReader(scored.batch, 'previous_band');
  const columns = riskColumns(scored, scoring, asOf, computedAt);
  columns.set(
    'band_changed',
    filled(new BooleanBuilder(), rows, (row) => {
      const previous = before(row);
      return previous !== '' && previous !== BANDS[scored.scores.band[row]!];
    }),
  );
  if (epoch !== 0)
    columns.set(
      'epoch',
      filled(new IntegerBuilder(), rows, () => epoch),
    );
  return { table: tableOf(epoch), columns: [...columns.keys()], rows, bytes: toArrowStream(columns) };
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
  columns.set(
    'run',
    filled(new TextBuilder(), rows, () => run),
  );
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
  const { batch, arrow, scores, arrAtRisk, overrideAt } = scored;
  const rows = batch.length;
  const asIs = (name: string) => readyColumn(arrow.getChild(name)!.data[0]!);
  const text = (at: (row: number) => string) => filled(new TextBuilder(), rows, at);
  return new Map<string, ColumnBuilder<never>>([
    ['account_id', asIs('account_id')],
    ['subscription_id', asIs('subscription_id')],
    ['as_of', filled(new TimeBuilder(), rows, () => asOf)],
    ['scoring_revision', text(() => scoring.revision)],
    ['scorecard', text((row) => scoring.scorecards[scores.scorecard[row]!]!.name)],
    ['risk', floats(scores.risk.values, scores.risk.valid)],
    // A copy: of two columns in one buffer the writer would leave one out.
    ['computed_risk', floats(scores.computedRisk.slice())],
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
    ['override_reason', text((row) => overrideAt(row)?.reason ?? '')],
    ['override_author', text((row) => overrideAt(row)?.author ?? '')],
    ['override_set_at', filled(new TimeBuilder(), rows, (row) => overrideAt(row)?.setAt ?? null)],
    ['override_until', filled(new TimeBuilder(), rows, (row) => overrideAt(row)?.until ?? null)],
    ['computed_at', filled(new TimeBuilder(), rows, () => computedAt)],
  ]);
}

function filled<T>(builder: ColumnBuilder<T>, rows: number, at: (row: number) => T): ColumnBuilder<never> {
  for (let row = 0; row < rows; row++) builder.push(at(row));
  return builder as ColumnBuilder<never>;
}

function textOf(batch: Batch, name: string): ColumnBuilder<never> {
  return filled(new TextBuilder(), batch.length, textReader(batch, name));
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
