import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** Rows that are drawn together, because they are about the same account. */
export interface Groups {
  /** Group of each row, from 0. */
  readonly ofRow: Int32Array;
  readonly count: number;
}

/** How often each row is drawn when groups are drawn with replacement; the same array every time. */
export function* bootstrapWeights(groups: Groups, times: number, seed: number): Generator<Float64Array> {
  const generator = xoroshiro128plus(seed);
  const weights = new Float64Array(groups.ofRow.length);
  const drawn = new Int32Array(groups.count);
  for (let time = 0; time < times; time++) {
    drawn.fill(0);
    for (let i = 0; i < groups.count; i++) drawn[uniformInt(generator, 0, groups.count - 1)]!++;
    for (let row = 0; row < weights.length; row++) weights[row] = drawn[groups.ofRow[row]!]!;
    yield weights;
  }
}

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** From the 2.5th to the 97.5th percentile of bootstrapped values; those that are not numbers do not count. */
export function intervalOf(values: readonly number[]): Interval {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  const at = (share: number) => {
    const place = share * (sorted.length - 1);
    const low = Math.floor(place);
    const high = Math.min(sorted.length - 1, low + 1);
    return sorted[low]! + (place - low) * (sorted[high]! - sorted[low]!);
  };
  return sorted.length === 0 ? { low: Number.NaN, high: Number.NaN } : { low: at(0.025), high: at(0.975) };
}

/** Fewer draws of many rows: the interval of a large table is narrow, and its border needs no more. */
export function bootstrapTimes(rows: number): number {
  return Math.max(60, Math.min(500, Math.round(20_000_000 / rows)));
}

/** Groups by name; without names each row is its own. */
export function groupsOf(names: readonly string[] | null, rows: number): Groups {
  if (names === null) return { ofRow: Int32Array.from({ length: rows }, (_, row) => row), count: rows };
  const places = new Map<string, number>();
  const ofRow = Int32Array.from(names, (name) => {
    const place = places.get(name) ?? places.size;
    places.set(name, place);
    return place;
  });
  return { ofRow, count: places.size };
}
