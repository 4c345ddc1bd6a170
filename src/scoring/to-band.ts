import type { KnownFeature } from './band-exit.js';
import { type NearestValue, nearestValue } from './nearest-value.js';
import { BANDS, type Band, type Scorecard } from './scorecard.js';
import { badnessOfNumber, type NumberShape } from './shape.js';

/** A feature of a risk, and whether people can act on it. */
export interface StandingFeature extends KnownFeature {
  readonly isActionable: boolean;
  /** Whether it is a count: there are no 0.8 payments. */
  readonly isWhole: boolean;
}

/** What would have to change: the feature from one value to another, and the points of risk that are saved. */
export interface NeededChange {
  readonly feature: string;
  readonly from: number;
  readonly to: number;
  /** `to` itself, or anything below it. */
  readonly side: 'at' | 'below';
  readonly points: number;
}

export interface WayToBand {
  /** The fewest features, those that save the most first; the last one only as far as needed. */
  readonly changes: readonly NeededChange[];
  /** The risk when all of it has changed. */
  readonly risk: number;
  /** Whether that is the band; if not, the changes are all that people can do. */
  readonly reached: boolean;
}

export interface Standing {
  readonly risk: number;
  /** The band it is in, which hysteresis may have kept; null: in none. */
  readonly band: Band | null;
  readonly features: readonly StandingFeature[];
}

/** A little more than needed: the border itself still belongs to the band above. */
const BEYOND = 1e-6;

/**
 * The smallest change that brings a risk into a band, or below it: by as few features as there are. Points add up, so those that
 * can save the most are the fewest. A band is left downwards only `hysteresis` points below its border. Texts stay as they are.
 */
export function wayToBand(
  card: Pick<Scorecard, 'bands' | 'features'>,
  standing: Standing,
  wanted: Exclude<Band, 'unknown' | 'critical'>,
): WayToBand {
  if (isThere(standing.band, wanted)) return { changes: [], risk: standing.risk, reached: true };
  const { bands } = card;
  const border = { low: bands.medium, medium: bands.high, high: bands.critical }[wanted] - bands.hysteresis;
  const shapes = new Map(card.features.map(({ name, shape }) => [name, shape]));
  const possible = standing.features
    .flatMap(({ feature, value, points, isActionable, isWhole }) => {
      const shape = shapes.get(feature);
      if (shape === undefined || shape.kind === 'categories') return [];
      if (value === null || !isActionable || points <= 0) return [];
      const badness = badnessOfNumber(shape, value);
      const least = Math.min(...shape.r);
      // Points are proportional to badness for as long as the same features are known.
      return [
        { feature, shape, value, isWhole, badness, least, points, saves: points * (1 - least / badness) },
      ];
    })
    .filter(({ saves }) => saves > 0)
    .sort((a, b) => b.saves - a.saves || (a.feature < b.feature ? -1 : 1));
  const changes: NeededChange[] = [];
  let { risk } = standing;
  for (const { feature, shape, value, isWhole, badness, least, points, saves } of possible) {
    if (risk < border) break;
    const needed = risk - border + BEYOND;
    const most = saves <= needed ? least : Math.max(least, badness * (1 - needed / points));
    const exact = nearestValue(shape, value, most)!;
    const nearest = isWhole ? wholeBeyond(exact, value, shape) : exact;
    const saved = points * (1 - badnessOfNumber(shape, nearest.value) / badness);
    risk -= saved;
    const { below } = nearest;
    changes.push({
      feature,
      from: value,
      to: below ?? nearest.value,
      side: below === null ? 'at' : 'below',
      points: saved,
    });
  }
  return { changes, risk, reached: risk < border };
}

function isThere(band: Band | null, wanted: Band): boolean {
  return band !== null && BANDS.indexOf(band) <= BANDS.indexOf(wanted);
}

/** The next whole number on the way, where that is no worse. */
function wholeBeyond(exact: NearestValue, from: number, shape: NumberShape): NearestValue {
  const { value, below } = exact;
  const whole = below === null && value > from ? Math.ceil(value) : Math.floor(value);
  return badnessOfNumber(shape, whole) <= badnessOfNumber(shape, value)
    ? { value: whole, below: null }
    : exact;
}
