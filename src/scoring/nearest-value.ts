import type { NumberShape } from './shape.js';

export interface NearestValue {
  readonly value: number;
  /** The step that the value stays just below; null: the value is exact. */
  readonly below: number | null;
}

/** The value nearest to another at which a shape is at most so bad; null: nowhere. */
export function nearestValue(shape: NumberShape, from: number, most: number): NearestValue | null {
  let nearest: NearestValue | null = null;
  for (const { low, high, below } of stretches(shape, most)) {
    const value = Math.min(Math.max(from, low), high);
    if (nearest === null || Math.abs(value - from) < Math.abs(nearest.value - from))
      nearest = { value, below: value === high ? below : null };
  }
  return nearest;
}

/** Values from low to high, both included. */
interface Stretch {
  readonly low: number;
  readonly high: number;
  /** The step that begins right after them. */
  readonly below: number | null;
}

/** The stretches of values on which a shape is at most so bad. */
function* stretches({ kind, x, r }: NumberShape, most: number): Generator<Stretch> {
  const last = x.length - 1;
  const upTo = (low: number, next: number | undefined): Stretch =>
    next === undefined
      ? { low, high: Number.POSITIVE_INFINITY, below: null }
      : { low, high: next - Math.max(1e-9, Math.abs(next) * 1e-12), below: next };
  if (kind === 'steps') {
    if (r[0]! <= most) yield upTo(Number.NEGATIVE_INFINITY, x[1]);
    for (let i = 1; i <= last; i++) if (r[i]! <= most) yield upTo(x[i]!, x[i + 1]);
    return;
  }
  if (r[0]! <= most) yield { low: Number.NEGATIVE_INFINITY, high: x[0]!, below: null };
  for (let i = 0; i < last; i++) {
    const [a, b] = [r[i]!, r[i + 1]!];
    if (a > most && b > most) continue;
    const crossing = x[i]! + ((most - a) / (b - a)) * (x[i + 1]! - x[i]!);
    yield { low: a <= most ? x[i]! : crossing, high: b <= most ? x[i + 1]! : crossing, below: null };
  }
  if (r[last]! <= most) yield { low: x[last]!, high: Number.POSITIVE_INFINITY, below: null };
}
