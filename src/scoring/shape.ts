/**
 * What a scorecard makes of a feature: a number from 0 (good) to 1 (bad). Called r where formulas are short: the scorecard's
 * files, docs, and the arrays here.
 */
export type Shape = NumberShape | Categories;

export interface NumberShape {
  /** `linear`: straight between the points and flat outside; `steps`: each holds from its x on, the first below it too. */
  readonly kind: 'linear' | 'steps';
  /** Rising. */
  readonly x: Float64Array;
  readonly r: Float64Array;
}

export interface Categories {
  readonly kind: 'categories';
  readonly r: ReadonlyMap<string, number>;
  /** For texts that are not listed; null: they count as not known. */
  readonly otherwise: number | null;
}

export function numberShape(
  kind: NumberShape['kind'],
  points: readonly (readonly [number, number])[],
): NumberShape {
  return { kind, x: Float64Array.from(points, (p) => p[0]), r: Float64Array.from(points, (p) => p[1]) };
}

export function badnessOfNumber({ kind, x, r }: NumberShape, value: number): number {
  let above = 0;
  while (above < x.length && x[above]! <= value) above++;
  if (above === 0) return r[0]!;
  if (above === x.length || kind === 'steps') return r[above - 1]!;
  const share = (value - x[above - 1]!) / (x[above]! - x[above - 1]!);
  return r[above - 1]! + share * (r[above]! - r[above - 1]!);
}

/** Null where the text counts as not known. */
export function badnessOfText({ r, otherwise }: Categories, text: string): number | null {
  return r.get(text) ?? otherwise;
}
