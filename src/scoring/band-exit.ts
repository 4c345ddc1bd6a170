import { bandOf } from './band.js';
import { nearestValue } from './nearest-value.js';
import { BANDS, type Band, type Scorecard } from './scorecard.js';
import { badnessOfNumber } from './shape.js';

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
    const nearest = nearestValue(shape, known.value, most);
    if (nearest === null) continue;
    const { value } = nearest;
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
