import type { NumberShape } from './shape.js';

/** The value nearest to another at which a shape is at most so bad. */
export interface NearestValue {
  readonly value: number;
  /** Where the stretch of such values ends: the value itself, or for a step that ends there, what it is just below of. */
  readonly border: number;
  readonly side: 'at' | 'below';
  readonly badness: number;
}

/** Null: it is worse everywhere. */
export function nearestValue(shape: NumberShape, from: number, most: number): NearestValue | null {
  let nearest: NearestValue | null = null;
  for (const stretch of stretchesWithin(shape, most)) {
    const found = nearestIn(stretch, from);
    if (nearest === null || Math.abs(found.value - from) < Math.abs(nearest.value - from)) nearest = found;
  }
  return nearest;
}

/** Values on which a shape is at most so bad, with the badness at both ends. */
interface Stretch {
  readonly low: number;
  readonly high: number;
  /** Whether `high` belongs to it: a step ends just before the next one. */
  readonly closed: boolean;
  readonly badnessOfLow: number;
  readonly badnessOfHigh: number;
}

function nearestIn({ low, high, closed, badnessOfLow, badnessOfHigh }: Stretch, from: number): NearestValue {
  if (from <= low) return { value: low, border: low, side: 'at', badness: badnessOfLow };
  if (closed ? from >= high : from > justBelow(high))
    return {
      value: closed ? high : justBelow(high),
      border: high,
      side: closed ? 'at' : 'below',
      badness: badnessOfHigh,
    };
  const share = high === low || !Number.isFinite(high - low) ? 0 : (from - low) / (high - low);
  const badness = badnessOfLow + share * (badnessOfHigh - badnessOfLow);
  return { value: from, border: from, side: 'at', badness };
}

function* stretchesWithin({ kind, x, r }: NumberShape, most: number): Generator<Stretch> {
  const last = x.length - 1;
  const flat = (low: number, high: number, badness: number): Stretch => ({
    ...{ low, high, closed: kind === 'linear' },
    ...{ badnessOfLow: badness, badnessOfHigh: badness },
  });
  const [lowest, highest] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  if (kind === 'steps') {
    // The first step holds below its beginning, too.
    for (let i = 0; i <= last; i++)
      if (r[i]! <= most) yield flat(i === 0 ? lowest : x[i]!, i === last ? highest : x[i + 1]!, r[i]!);
    return;
  }
  if (r[0]! <= most) yield flat(lowest, x[0]!, r[0]!);
  for (let i = 0; i < last; i++) {
    const [a, b] = [r[i]!, r[i + 1]!];
    if (a > most && b > most) continue;
    const crossing = x[i]! + ((most - a) / (b - a)) * (x[i + 1]! - x[i]!);
    yield {
      low: a <= most ? x[i]! : crossing,
      high: b <= most ? x[i + 1]! : crossing,
      closed: true,
      badnessOfLow: Math.min(a, most),
      badnessOfHigh: Math.min(b, most),
    };
  }
  if (r[last]! <= most) yield flat(x[last]!, highest, r[last]!);
}

/** The last value before another: nearer ones are the same to people, and to scores. */
function justBelow(value: number): number {
  return value - Math.max(1e-9, Math.abs(value) * 1e-12);
}
