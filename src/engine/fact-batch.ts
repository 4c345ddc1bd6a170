import type { Batch } from '../columns/batch.js';
import { Bitset } from '../columns/bitset.js';
import type { Column, NumberColumn } from '../columns/column.js';
import { DAY_MS, type Millis } from '../core/clock.js';
import { type Decision, isOpen } from '../decisions/decision.js';
import type { Scores } from '../scoring/evaluate.js';
import { BANDS } from '../scoring/scorecard.js';
import { CATEGORIES } from '../signals/signal.js';

/** (1 - renewal_probability) * ARR in minor units, rounded; not known where either is not. */
export function arrAtRisk(batch: Batch, scores: Scores): NumberColumn {
  const arr = batch.column('arr_minor') as NumberColumn;
  const { values: renews, valid: probabilityKnown } = scores.renewalProbability;
  const values = arr.values.map((minor, row) => Math.round((1 - renews[row]!) * minor));
  const valid = (probabilityKnown ?? Bitset.full(batch.length)).clone();
  if (arr.valid !== null) valid.and(arr.valid);
  return { kind: 'number', values, valid };
}

/** Adds what rules may ask beside features: the scores, and what was decided before. */
export function withScoresAndHistory(
  batch: Batch,
  scores: Scores,
  atRisk: NumberColumn,
  history: (row: number) => readonly Decision[],
  asOf: Millis,
): Batch {
  const all = (values: Float64Array): NumberColumn => ({ kind: 'number', values, valid: null });
  const previous = batch.column('previous_risk') as NumberColumn;
  const added: [string, Column][] = [
    ['risk', all(scores.risk)],
    ['renewal_probability', scores.renewalProbability],
    ['coverage', all(scores.coverage)],
    ['band', { kind: 'string', codes: Int32Array.from(scores.band), dictionary: BANDS, valid: null }],
    ...CATEGORIES.map((category): [string, Column] => [`risk_${category}`, scores.categoryRisk[category]]),
    ['arr_at_risk_minor', atRisk],
    [
      'risk_change',
      {
        kind: 'number',
        values: scores.risk.map((risk, row) => risk - previous.values[row]!),
        valid: previous.valid,
      },
    ],
    ...decisionColumns(batch.length, history, asOf),
  ];
  return batch.with(added);
}

/** What rules may ask of the decisions so far: one column for each fact. */
export function decisionColumns(
  rows: number,
  history: (row: number) => readonly Decision[],
  asOf: Millis,
): [string, Column][] {
  const hasOpenOffer = new Bitset(rows);
  const lastOffer = { values: new Float64Array(rows), valid: new Bitset(rows) };
  const offers = new Float64Array(rows);
  const lastTouchpoint = { values: new Float64Array(rows), valid: new Bitset(rows) };
  for (let row = 0; row < rows; row++) {
    for (const decision of history(row)) {
      const days = (asOf - decision.openedAt) / DAY_MS;
      if (decision.kind === 'offer') {
        if (isOpen(decision)) hasOpenOffer.add(row);
        if (days < 365) offers[row]!++;
        keepLeast(lastOffer, row, days);
      } else if (decision.kind === 'touchpoint') keepLeast(lastTouchpoint, row, days);
    }
  }
  return [
    ['has_open_offer', { kind: 'boolean', values: hasOpenOffer, valid: null }],
    ['days_since_last_offer', { kind: 'number', ...lastOffer }],
    ['offers_last_365d', { kind: 'number', values: offers, valid: null }],
    ['days_since_last_touchpoint', { kind: 'number', ...lastTouchpoint }],
  ];
}

function keepLeast(column: { values: Float64Array; valid: Bitset }, row: number, days: number): void {
  if (!column.valid.has(row) || days < column.values[row]!) column.values[row] = days;
  column.valid.add(row);
}
