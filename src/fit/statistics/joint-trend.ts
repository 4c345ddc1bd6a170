import { errorFunction } from 'simple-statistics';
import type { BinnedFeature } from '../regression/design.js';
import type { PValue } from './association.js';

/** Rows that are looked at, the first in canonical order. */
const SAMPLE = 20_000;

/**
 * Whether all features together have to do with the label: of many weak ones none may stand out. A score test of random effects:
 * the sum of squared covariances with the label against what chance makes of it, by Satterthwaite's and Wilson and Hilferty's
 * approximations.
 */
export function jointTrend(features: readonly BinnedFeature[], label: Uint8Array): PValue {
  const rows = Math.min(SAMPLE, label.length);
  const vectors = features.flatMap((feature) => vectorsOf(feature, rows));
  const rate = label.subarray(0, rows).reduce((sum, one) => sum + one, 0) / rows;
  const variance = rate * (1 - rate);
  if (variance === 0 || vectors.length === 0) return 1;
  const residual = Float64Array.from({ length: rows }, (_, row) => label[row]! - rate);
  let [statistic, first, second] = [0, 0, 0];
  vectors.forEach((vector, i) => {
    statistic += dot(vector, residual) ** 2 / variance;
    first += dot(vector, vector);
    for (let j = 0; j <= i; j++) second += (j === i ? 1 : 2) * dot(vector, vectors[j]!) ** 2;
  });
  const spread = (2 * second) / (9 * first ** 2);
  const z = (Math.cbrt(statistic / first) - (1 - spread)) / Math.sqrt(spread);
  return 0.5 * (1 - errorFunction(z / Math.SQRT2));
}

/** Centred; of each feature the squares sum to 1. */
function vectorsOf({ codes, position, rows: counts }: BinnedFeature, rows: number): Float64Array[] {
  const shapes = position === null ? indicators(counts) : [position];
  const vectors = shapes.map((shape) => {
    const vector = Float64Array.from({ length: rows }, (_, row) => shape[codes[row]!]!);
    const mean = vector.reduce((sum, value) => sum + value, 0) / rows;
    return vector.map((value) => value - mean);
  });
  const size = Math.sqrt(vectors.reduce((sum, vector) => sum + dot(vector, vector), 0));
  return size > 0 ? vectors.map((vector) => vector.map((value) => value / size)) : [];
}

/** One for each bin, rare ones as large as common ones. */
function indicators(counts: Float64Array): Float64Array[] {
  return [...counts.keys()]
    .filter((bin) => counts[bin]! > 0)
    .map((bin) => counts.map((count, other) => (other === bin ? 1 / Math.sqrt(count) : 0)));
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
