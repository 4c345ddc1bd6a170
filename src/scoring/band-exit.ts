import { bandOf } from './band.js';
import { BANDS, type Band, type Scorecard } from './scorecard.js';
import { badnessOfNumber, type NumberShape } from './shape.js';

/** A change of one feature alone that takes a risk to a lower band. */
export interface BandExit {
  readonly feature: string;
  readonly current: number;
  /** The value nearest to the current one that does it. */
  readonly value: number;
  readonly band: Band;
}

/** What a risk says of one feature. */
export interface KnownFeature {
  readonly feature: string;
  /** Null: not known. */
  readonly value: number | null;
  readonly points: number;
}

export interface ExplainedRisk {
  readonly risk: number;
  readonly band: Band;
  readonly coverage: number;
  readonly features: readonly KnownFeature[];
}

/** Beyond the border, and not on it: there the band would stay. */
const BEYOND = 1e-9;

/**
 * For each feature that can do it alone, the smallest change that leaves the band downwards, the smallest first: by its share of the span of the
 * feature's curve, as features have units of their own. Empty: none can, or the band is low or unknown.
 */
export function bandExits(card: Scorecard, { risk, band, coverage, features }: ExplainedRisk): BandExit[] {
  const border = { medium: card.bands.medium, high: card.bands.high, critical: card.bands.critical }[
    band as 'medium' | 'high' | 'critical'
  ];
  if (border === undefined) return [];
  const wanted = border - card.bands.hysteresis - BEYOND;
  const found: { exit: BandExit; share: number }[] = [];
  for (const scored of card.features) {
    const known = features.find(({ feature }) => feature === scored.name);
    if (scored.shape.kind === 'categories' || known?.value == null || known.points <= 0) continue;
    const { shape } = scored;
    const badness = badnessOfNumber(shape, known.value);
    // Points are proportional to badness as long as the other features stay.
    const most = badness * (1 - (risk - wanted) / known.points);
    const value = nearestWithin(shape, known.value, most);
    if (value === null) continue;
    const after = risk - known.points * (1 - badnessOfNumber(shape, value) / badness);
    const reached = bandOf(card, after, coverage, band);
    if (BANDS.indexOf(reached) >= BANDS.indexOf(band)) continue;
    const span = shape.x[shape.x.length - 1]! - shape.x[0]! || 1;
    found.push({
      exit: { feature: scored.name, current: known.value, value, band: reached },
      share: Math.abs(value - known.value) / span,
    });
  }
  return found
    .sort((a, b) => a.share - b.share || (a.exit.feature < b.exit.feature ? -1 : 1))
    .map(({ exit }) => exit);
}

/** The value nearest to another at which a shape is at most so bad; null: nowhere. */
function nearestWithin(shape: NumberShape, from: number, most: number): number | null {
  let nearest: number | null = null;
  for (const [low, high] of stretchesWithin(shape, most)) {
    const value = Math.min(Math.max(from, low), high);
    if (nearest === null || Math.abs(value - from) < Math.abs(nearest - from)) nearest = value;
  }
  return nearest;
}

/** The stretches of values, both ends included, on which a shape is at most so bad. */
function* stretchesWithin({ kind, x, r }: NumberShape, most: number): Generator<readonly [number, number]> {
  const last = x.length - 1;
  if (r[0]! <= most) yield [Number.NEGATIVE_INFINITY, kind === 'steps' ? below(x[1]) : x[0]!];
  if (kind === 'steps') {
    for (let i = 1; i <= last; i++) if (r[i]! <= most) yield [x[i]!, below(x[i + 1])];
    return;
  }
  for (let i = 0; i < last; i++) {
    const [a, b] = [r[i]!, r[i + 1]!];
    if (a > most && b > most) continue;
    const crossing = x[i]! + ((most - a) / (b - a)) * (x[i + 1]! - x[i]!);
    yield [a <= most ? x[i]! : crossing, b <= most ? x[i + 1]! : crossing];
  }
  if (r[last]! <= most) yield [x[last]!, Number.POSITIVE_INFINITY];
}

/** The last value of a step: just before the next one. */
function below(next: number | undefined): number {
  return next === undefined ? Number.POSITIVE_INFINITY : next - Math.max(BEYOND, Math.abs(next) * 1e-12);
}
