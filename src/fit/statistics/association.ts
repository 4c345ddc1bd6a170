import { errorFunction } from 'simple-statistics';
import { missingBin } from '../bins/bins.js';
import type { BinnedFeature } from '../regression/design.js';

/** The probability that chance alone makes two things go together as much as they do. */
export type PValue = number;

/** Groups of ranks that are compared with all: enough to see that the middle differs from both ends. */
const RANK_GROUPS = 5;
const LEAST_P = 1e-12;
/** Bonferroni's bound gives 1 for anything unlikely to mean something, which must not weigh as much as a discovery does. */
const MOST_P = 0.95;

/** Whether a feature has to do with the label at all, by the trend over its ranks and by single groups that stand out. */
export function associationOf({ bins, weighted: { rows, positives } }: BinnedFeature): PValue {
  const total = rows.reduce((sum, count) => sum + count, 0);
  const rate = positives.reduce((sum, count) => sum + count, 0) / total;
  const missing = missingBin(bins);
  const groups =
    bins.kind === 'text'
      ? [...rows.keys()].map((bin) => [rows[bin]!, positives[bin]!] as const)
      : [...rankGroups(rows, positives, missing), [rows[missing]!, positives[missing]!] as const];
  const tests = [largestGap(groups, rate, total)];
  if (bins.kind === 'number') tests.push(trend(rows.subarray(0, missing), positives.subarray(0, missing)));
  return combined(tests);
}

/**
 * Cauchy's combination of tests that need not be independent (Liu and Xie 2020, https://doi.org/10.1080/01621459.2018.1554485).
 * 1 where there are none.
 */
export function combined(tests: readonly PValue[]): PValue {
  if (tests.length === 0) return 1;
  const mean =
    tests.reduce((sum, p) => sum + Math.tan((0.5 - Math.min(MOST_P, Math.max(LEAST_P, p))) * Math.PI), 0) /
    tests.length;
  return 0.5 - Math.atan(mean) / Math.PI;
}

/** Of a group whose rate differs most from that of all, Bonferroni's for having looked at each. */
function largestGap(groups: readonly (readonly [number, number])[], rate: number, total: number): PValue {
  const used = groups.filter(([rows]) => rows > 0 && rows < total);
  const gaps = used.map(([rows, positives]) => {
    const variance = rate * (1 - rate) * rows * (1 - rows / total);
    return variance > 0 ? Math.abs(positives - rows * rate) / Math.sqrt(variance) : 0;
  });
  return Math.min(1, used.length * twoSided(Math.max(0, ...gaps)));
}

/** Of a slope over the ranks. */
function trend(rows: Float64Array, positives: Float64Array): PValue {
  const known = rows.reduce((sum, count) => sum + count, 0);
  const rate = positives.reduce((sum, count) => sum + count, 0) / known;
  let [below, covariance, squares] = [0, 0, 0];
  for (let bin = 0; bin < rows.length; bin++) {
    const rank = below + rows[bin]! / 2 - known / 2;
    covariance += rank * (positives[bin]! - rows[bin]! * rate);
    squares += rows[bin]! * rank * rank;
    below += rows[bin]!;
  }
  const variance = rate * (1 - rate) * squares;
  return variance > 0 ? twoSided(Math.abs(covariance) / Math.sqrt(variance)) : 1;
}

function rankGroups(rows: Float64Array, positives: Float64Array, bins: number): [number, number][] {
  const known = rows.subarray(0, bins).reduce((sum, count) => sum + count, 0);
  const groups = Array.from({ length: RANK_GROUPS }, (): [number, number] => [0, 0]);
  let below = 0;
  for (let bin = 0; bin < bins; bin++) {
    const place = Math.min(RANK_GROUPS - 1, Math.floor((RANK_GROUPS * (below + rows[bin]! / 2)) / known));
    const group = groups[place]!;
    group[0] += rows[bin]!;
    group[1] += positives[bin]!;
    below += rows[bin]!;
  }
  return groups;
}

function twoSided(z: number): PValue {
  return Math.max(LEAST_P, 1 - errorFunction(z / Math.SQRT2));
}
