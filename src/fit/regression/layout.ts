import { missingBin } from '../bins/bins.js';
import type { BinnedFeature } from './design.js';

/**
 * Where the coefficients of a fit stand. First the intercept, then an effect for each bin of each feature; these are the bins'
 * places, too. After them a slope for each feature of numbers: the straight part of its effect.
 */
export interface Layout {
  readonly features: readonly BinnedFeature[];
  /** How much each row counts; null: all alike. */
  readonly weights: Float64Array | null;
  /** Place of the first bin of each feature. */
  readonly first: Int32Array;
  /** The intercept and the bins of all features. */
  readonly bins: number;
  /** Place of the slope of each feature; -1: it has none. */
  readonly slope: Int32Array;
  readonly coefficients: number;
  readonly penalties: readonly Penalty[];
}

/** What is shrunk together, as far as the data say that it should be. */
export interface Penalty {
  readonly feature: number;
  /** `walk`: differences of neighbours; `ridge`: a coefficient itself; `group`: differences from the group's mean. */
  readonly kind: 'walk' | 'ridge' | 'group';
  /** Places of its coefficients. */
  readonly places: Int32Array;
  readonly rank: number;
}

/** Of fewer rows without a value nothing is learned: they have the mean effect. */
export const FEWEST_MISSING = 20;

export function layoutOf(features: readonly BinnedFeature[], weights: Float64Array | null = null): Layout {
  const first = new Int32Array(features.length);
  let place = 1;
  features.forEach(({ rows }, i) => {
    first[i] = place;
    place += rows.length;
  });
  const bins = place;
  const slope = Int32Array.from(features, ({ position }) => (position === null ? -1 : place++));
  const penalties = features.flatMap((feature, i) => penaltiesOf(feature, i, first[i]!, slope[i]!));
  return { features, weights, first, bins, slope, coefficients: place, penalties };
}

function penaltiesOf(
  { bins, rows }: BinnedFeature,
  feature: number,
  first: number,
  slope: number,
): Penalty[] {
  const missing = missingBin(bins);
  const penalties: Penalty[] = [];
  const add = (kind: Penalty['kind'], places: readonly number[], rank: number) => {
    if (rank > 0) penalties.push({ feature, kind, places: Int32Array.from(places), rank });
  };
  if (bins.kind === 'number') {
    add(
      'walk',
      Array.from({ length: missing }, (_, bin) => first + bin),
      missing - 1,
    );
    if (rows[missing]! >= FEWEST_MISSING) add('ridge', [first + missing], 1);
    if (slope >= 0) add('ridge', [slope], 1);
  } else {
    const used = [...rows.keys()].filter((bin) => rows[bin]! > 0);
    add(
      'group',
      used.map((bin) => first + bin),
      used.length - 1,
    );
  }
  return penalties;
}

/** Adds `strength` times a penalty to a symmetric matrix. */
export function addPenalty(
  { kind, places }: Penalty,
  strength: number,
  matrix: Float64Array,
  size: number,
): void {
  const add = (row: number, column: number, value: number) => {
    matrix[row * size + column]! += strength * value;
  };
  switch (kind) {
    case 'ridge':
      add(places[0]!, places[0]!, 1);
      break;
    case 'walk':
      for (let i = 1; i < places.length; i++) {
        const [a, b] = [places[i - 1]!, places[i]!];
        add(a, a, 1);
        add(b, b, 1);
        add(a, b, -1);
        add(b, a, -1);
      }
      break;
    case 'group':
      for (const a of places) {
        add(a, a, 1);
        for (const b of places) add(a, b, -1 / places.length);
      }
      break;
  }
}

/** How large the coefficients of a penalty are, squared. */
export function sizeOf({ kind, places }: Penalty, coefficients: Float64Array): number {
  const at = (i: number) => coefficients[places[i]!]!;
  let sum = 0;
  switch (kind) {
    case 'ridge':
      return at(0) ** 2;
    case 'walk':
      for (let i = 1; i < places.length; i++) sum += (at(i) - at(i - 1)) ** 2;
      return sum;
    case 'group': {
      let mean = 0;
      for (let i = 0; i < places.length; i++) mean += at(i) / places.length;
      for (let i = 0; i < places.length; i++) sum += (at(i) - mean) ** 2;
      return sum;
    }
  }
}

/** The same of their uncertainty: the expected size of the error, from the covariance. */
export function uncertaintyOf({ kind, places }: Penalty, covariance: Float64Array, size: number): number {
  const v = (i: number, j: number) => covariance[places[i]! * size + places[j]!]!;
  let sum = 0;
  switch (kind) {
    case 'ridge':
      return v(0, 0);
    case 'walk':
      for (let i = 1; i < places.length; i++) sum += v(i, i) + v(i - 1, i - 1) - 2 * v(i, i - 1);
      return sum;
    case 'group':
      for (let i = 0; i < places.length; i++) {
        sum += v(i, i);
        for (let j = 0; j < places.length; j++) sum -= v(i, j) / places.length;
      }
      return sum;
  }
}
