import { nearestValue } from './nearest-value.js';
import type { Band, Scorecard, ScoredFeature } from './scorecard.js';
import { badnessOfNumber } from './shape.js';

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
    const nearest = nearestValue(shape, value, saves <= needed ? least : target)!;
    const points = pointsOf(scored, badness - nearest.badness);
    risk -= points;
    changes.push({ feature: scored.name, from: value, to: nearest.border, side: nearest.side, points });
  }
  return { changes, risk, reached: risk < border };
}
