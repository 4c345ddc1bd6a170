import { type Bins, binCount, binsOfRows, missingBin } from '../bins/bins.js';
import { fineBins } from '../bins/fine-bins.js';
import type { TrainingFeature, TrainingTable } from '../training-table.js';

/** A feature in bins. */
export interface BinnedFeature {
  readonly feature: TrainingFeature;
  readonly bins: Bins;
  /** The bin of each row. */
  readonly codes: Uint8Array;
  /** Rows by bin, and how many of them are positive. */
  readonly rows: Float64Array;
  readonly positives: Float64Array;
  /** The same, each row as much as it counts. */
  readonly weighted: { readonly rows: Float64Array; readonly positives: Float64Array };
  /** Of a feature of numbers: the mean value by bin, standardised; 0 for what is missing. Null: of texts, or of two bins. */
  readonly position: Float64Array | null;
}

/** Bins of all features together: each costs a row and a column of the matrix that a fit inverts again and again. */
const MOST_BINS_IN_ALL = 400;
const MOST_NUMBER_BINS = 20;
const FEWEST_NUMBER_BINS = 6;

/** Every feature that says anything, in fine bins; and those that don't, since all rows are in one bin. */
export function binFeatures(table: TrainingTable): {
  binned: BinnedFeature[];
  constant: TrainingFeature[];
} {
  const numbers = table.features.filter(({ column }) => column.kind === 'number').length;
  const most = Math.min(
    MOST_NUMBER_BINS,
    Math.max(FEWEST_NUMBER_BINS, Math.floor(MOST_BINS_IN_ALL / Math.max(1, numbers))),
  );
  const binned: BinnedFeature[] = [];
  const constant: TrainingFeature[] = [];
  for (const feature of table.features) {
    const bins = fineBins(feature.column, most);
    if (bins === null) constant.push(feature);
    else binned.push(binFeature(feature, bins, table));
  }
  return { binned, constant };
}

export function binFeature(
  feature: TrainingFeature,
  bins: Bins,
  { label, weights }: Pick<TrainingTable, 'label' | 'weights'>,
): BinnedFeature {
  const codes = binsOfRows(bins, feature.column);
  const rows = new Float64Array(binCount(bins));
  const positives = new Float64Array(binCount(bins));
  codes.forEach((bin, row) => {
    rows[bin]!++;
    positives[bin]! += label[row]!;
  });
  const position = positionOf(feature, bins, codes, rows);
  const weighted =
    weights === null ? { rows, positives } : weightedCounts(codes, label, weights, rows.length);
  return { feature, bins, codes, rows, positives, weighted, position };
}

function weightedCounts(codes: Uint8Array, label: Uint8Array, weights: Float64Array, bins: number) {
  const rows = new Float64Array(bins);
  const positives = new Float64Array(bins);
  codes.forEach((bin, row) => {
    rows[bin]! += weights[row]!;
    positives[bin]! += weights[row]! * label[row]!;
  });
  return { rows, positives };
}

/** How far from the mean the values of a bin may count: a few huge values must not decide the slope. */
const FARTHEST = 4;

function positionOf(
  { column }: TrainingFeature,
  bins: Bins,
  codes: Uint8Array,
  rows: Float64Array,
): Float64Array | null {
  if (column.kind !== 'number' || rows.length < 4) return null;
  const missing = missingBin(bins);
  const means = new Float64Array(rows.length);
  codes.forEach((bin, row) => {
    if (bin !== missing) means[bin]! += column.values[row]!;
  });
  let [known, sum, squares] = [0, 0, 0];
  for (let bin = 0; bin < missing; bin++) {
    if (rows[bin] === 0) continue;
    means[bin]! /= rows[bin]!;
    known += rows[bin]!;
    sum += rows[bin]! * means[bin]!;
  }
  const centre = sum / known;
  for (let bin = 0; bin < missing; bin++) squares += rows[bin]! * (means[bin]! - centre) ** 2;
  const spread = Math.sqrt(squares / known);
  if (!(spread > 0)) return null;
  return means.map((mean, bin) =>
    bin === missing || rows[bin] === 0
      ? 0
      : Math.min(FARTHEST, Math.max(-FARTHEST, (mean - centre) / spread)),
  );
}
