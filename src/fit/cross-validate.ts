import { fitModel } from './fit-model.js';
import { logitOf, logitsOf, probabilityOf } from './fitted-model.js';
import type { Split } from './folds.js';
import { type Shrinkage, shrinkageFor, shrunkBy } from './shrinkage.js';
import { countPositives, type TrainingTable, takeRows } from './training-table.js';

/** Predictions of rows by models that have not seen them. */
export interface Predictions {
  /** Places of the rows in the table, fold by fold. */
  readonly rows: Int32Array;
  readonly label: Uint8Array;
  readonly probabilities: Float64Array;
  /** What the models said, before the base rate was set right. */
  readonly logits: Float64Array;
  readonly folds: readonly string[];
}

/**
 * Fits to all but each fold in turn, and predicts the fold.
 *
 * The base rate is that of all rows, and not of those outside the fold: otherwise a fold with more positives would be said to
 * have fewer, and where there is nothing to learn the area under the curve would come out below a half by construction. Folds
 * that follow one another in time know the past only, base rate included; and how far the past was to be trusted.
 */
export function crossValidate(
  table: TrainingTable,
  splits: readonly Split[],
  times: Float64Array | null,
): Predictions {
  const parts = splits.filter(({ train, test }) => train.length > 0 && test.length > 0);
  const rows = Int32Array.from(parts.flatMap(({ test }) => [...test]));
  const label = Uint8Array.from(rows, (row) => table.label[row]!);
  const probabilities = new Float64Array(rows.length);
  const logits = new Float64Array(rows.length);
  const baseRate = countPositives(table.label) / table.rows;
  let done = 0;
  for (const { train, test } of parts) {
    const training = takeRows(table, train);
    const { model } = fitModel(training);
    const found = logitsOf(model, takeRows(table, test));
    const trainingRate = countPositives(training.label) / training.rows;
    const shift = times !== null ? 0 : logitOf(baseRate) - logitOf(trainingRate);
    const shrinkage =
      times !== null
        ? (shrinkageFor(label.subarray(0, done), logits.subarray(0, done)) ??
          shrinkageWithin(table, train, times))
        : null;
    found.forEach((logit, i) => {
      logits[done + i] = logit;
      const certain = model.features.length === 0 && times === null;
      probabilities[done + i] = certain
        ? baseRate
        : probabilityOf(shrinkage === null ? logit + shift : shrunkBy(shrinkage, logit));
    });
    done += test.length;
  }
  return {
    rows,
    label,
    probabilities,
    logits,
    folds: parts.flatMap(({ fold, test }) => [...test].map(() => fold)),
  };
}

/** Share of the rows that teach when the others are to say how far the lesson carries. */
const EARLIER = 0.6;

/** How far a model of the earlier rows could be trusted with the later ones. */
function shrinkageWithin(table: TrainingTable, rows: Int32Array, times: Float64Array): Shrinkage | null {
  const inOrder = rows.slice().sort((a, b) => times[a]! - times[b]! || a - b);
  const border = times[inOrder[Math.floor(EARLIER * inOrder.length)]!]!;
  const earlier = inOrder.filter((row) => times[row]! < border);
  const later = takeRows(
    table,
    inOrder.filter((row) => times[row]! >= border),
  );
  if (earlier.length === 0) return null;
  return shrinkageFor(later.label, logitsOf(fitModel(takeRows(table, earlier)).model, later));
}
