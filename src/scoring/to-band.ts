import type { Band, Scorecard, ScoredFeature } from './scorecard.js';
import { badnessOfNumber, type NumberShape } from './shape.js';

/** A feature of a risk as it stands, and whether people can act on it. */
export interface StandingFeature {
  readonly feature: string;
  /** Null: not known, and then nothing is said of it. */
  readonly value: number | null;
  readonly isActionable: boolean;
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

/**
 * The smallest change that brings a risk into a band, or below it: by as few features as there are. Points add up, so those that
 * can save the most are the fewest. A band is left downwards only `hysteresis` points below its border.
 */
export function wayToBand(
  card: Pick<Scorecard, 'bands' | 'features'>,
  standing: readonly StandingFeature[],
  wanted: Exclude<Band, 'unknown' | 'critical'>,
): WayToBand {
  const { bands } = card;
  const border = { low: bands.medium, medium: bands.high, high: bands.critical }[wanted] - bands.hysteresis;
  const byName = new Map(standing.map((one) => [one.feature, one]));
  const counted = card.features.flatMap((scored) => {
    const value = byName.get(scored.name)?.value ?? null;
    if (scored.shape.kind === 'categories') return [];
    const badness = value === null ? scored.missing : badnessOfNumber(scored.shape, value);
    return badness === null ? [] : [{ scored, shape: scored.shape, value, badness }];
  });
  const whole = counted.reduce((sum, { scored }) => sum + scored.weight, 0);
  const pointsOf = (scored: ScoredFeature, badness: number) => (100 * scored.weight * badness) / whole;
  let risk = counted.reduce((sum, { scored, badness }) => sum + pointsOf(scored, badness), 0);
  const possible = counted
    .flatMap(({ scored, shape, value, badness }) => {
      const least = Math.min(...shape.r);
      if (value === null || byName.get(scored.name)?.isActionable !== true || least >= badness) return [];
      return [{ scored, shape, value, badness, least, saves: pointsOf(scored, badness - least) }];
    })
    .sort((a, b) => b.saves - a.saves || (a.scored.name < b.scored.name ? -1 : 1));
  const changes: NeededChange[] = [];
  for (const { scored, shape, value, badness, least, saves } of possible) {
    if (risk < border) break;
    // A little more than needed: the border itself still belongs to the band above.
    const needed = risk - border + 1e-6;
    const target = Math.max(least, badness - (needed * whole) / (100 * scored.weight));
    const { to, side, r } = nearest(shape, value, saves <= needed ? least : target);
    const points = pointsOf(scored, badness - r);
    risk -= points;
    changes.push({ feature: scored.name, from: value, to, side, points });
  }
  return { changes, risk, reached: risk < border };
}

/** The value nearest to the present one with a badness of at most `most`. */
function nearest(
  { kind, x, r }: NumberShape,
  value: number,
  most: number,
): { to: number; side: 'at' | 'below'; r: number } {
  const found: { to: number; side: 'at' | 'below'; r: number }[] = [];
  x.forEach((at, i) => {
    if (r[i]! <= most) {
      found.push({ to: at, side: 'at', r: r[i]! });
      // A step holds up to the next one: whoever comes from above need not go farther.
      if (kind === 'steps' && i + 1 < x.length && value >= x[i + 1]!)
        found.push({ to: x[i + 1]!, side: 'below', r: r[i]! });
    }
    const before = i - 1;
    if (kind === 'linear' && before >= 0 && (r[before]! - most) * (r[i]! - most) < 0) {
      const share = (most - r[before]!) / (r[i]! - r[before]!);
      found.push({ to: x[before]! + share * (at - x[before]!), side: 'at', r: most });
    }
  });
  return found.reduce((best, one) => (Math.abs(one.to - value) < Math.abs(best.to - value) ? one : best));
}
