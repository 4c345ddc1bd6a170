import { type Bins, binsOfRows } from './bins/bins.js';
import type { TrainingFeature, TrainingTable } from './training-table.js';

/** An additive model of the logit: an intercept, and for each feature what each bin adds. */
export interface FittedModel {
  readonly intercept: number;
  readonly features: readonly FittedFeature[];
}

export interface FittedFeature {
  readonly feature: Pick<TrainingFeature, 'name' | 'title' | 'direction'>;
  readonly bins: Bins;
  /** What each bin adds to the logit; for a bin that had no rows: 0, the mean. */
  readonly effects: Float64Array;
}

/** The logit of each row. */
export function logitsOf({ intercept, features }: FittedModel, table: TrainingTable): Float64Array {
  const logits = new Float64Array(table.rows).fill(intercept);
  for (const { feature, bins, effects } of features) {
    const column = table.features.find(({ name }) => name === feature.name)!.column;
    const codes = binsOfRows(bins, column);
    for (let row = 0; row < logits.length; row++) logits[row]! += effects[codes[row]!]!;
  }
  return logits;
}

export function probabilityOf(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}

export function logitOf(probability: number): number {
  return Math.log(probability / (1 - probability));
}
