import { DAY_MS, type Millis } from '../core/clock.js';
import { type Episode, type Levels, levelOf, levelsAt } from './latent.js';
import {
  CAUSES,
  type Cause,
  GROWTH_PROTECTION,
  NEAR_MISS,
  PROCESS_MODEL,
  type SegmentModel,
} from './model.js';
import { exp } from './portable-math.js';
import type { Random } from './random.js';

/** What drove the hazard: a cause, or `baseline` for what no process explains. */
export type HazardSource = Cause | 'baseline';

/** How one renewal is decided: the truth that a scorecard tries to guess. */
export interface Renewal {
  /** Integrated hazard of leaving over the decision window, and its parts, which sum to it. */
  readonly hazard: number;
  readonly hazardBy: Readonly<Record<HazardSource, number>>;
  /** exp(-hazard). */
  readonly probability: number;
  readonly renewed: boolean;
  /** When the decision to leave fell, and what it fell for; null when the customer stays. */
  readonly left: { readonly at: Millis; readonly because: HazardSource } | null;
  /** The customer who nearly left: when they said so, and when they took it back. */
  readonly wavered: { readonly at: Millis; readonly withdrawnAt: Millis } | null;
  /** Mean intensity of growth over the window. */
  readonly growth: number;
}

/**
 * Draws a renewal. The daily hazard is (baseline * exp(-protection * growth) + sum of hazard_c * x_c(t)) / window days; it
 * is summed from the window's first day to the notice deadline. The customer leaves on the day the sum passes a threshold
 * drawn from the exponential distribution of mean 1, so that the probability of renewal is exactly exp(-sum).
 */
export function drawRenewal(
  random: Random,
  segment: SegmentModel,
  term: { readonly start: Millis; readonly renewal: Millis; readonly months: number },
  episodes: readonly Episode[],
): Renewal {
  const threshold = random.exponential(1);
  const pick = random.uniform();
  // After noon, the moment whose intensity stands for the day: no decision precedes what it is for.
  const momentOfDay = random.between(0.5, 1);

  const termDays = Math.floor((term.renewal - term.start) / DAY_MS);
  const days = Math.min(segment.decisionDays, termDays - segment.noticeDays);
  const from = term.renewal - (segment.noticeDays + days) * DAY_MS;
  // A whim is as likely in a year whether it holds one renewal or four.
  const baseline = segment.baselineHazard * Math.min(1, term.months / 12);

  const hazardBy: Record<HazardSource, number> = {
    baseline: 0,
    value: 0,
    price: 0,
    payment: 0,
    champion_loss: 0,
    support_pain: 0,
  };
  let hazard = 0;
  let growth = 0;
  let left: Renewal['left'] = null;
  let nearly: Millis | null = null;
  let levels: Levels | undefined;
  for (let day = 0; day < days; day++) {
    levels = levelsAt(episodes, from + (day + 0.5) * DAY_MS, levels);
    growth += levelOf(levels, 'growth') / days;
    const today: [HazardSource, number][] = [
      ['baseline', (baseline * exp(-GROWTH_PROTECTION * levelOf(levels, 'growth'))) / days],
    ];
    for (const cause of CAUSES) {
      today.push([cause, (PROCESS_MODEL[cause].hazard * levelOf(levels, cause)) / days]);
    }
    let added = 0;
    for (const [source, part] of today) {
      hazardBy[source] += part;
      added += part;
    }
    hazard += added;
    const at = Math.floor(from + (day + momentOfDay) * DAY_MS);
    if (left === null && hazard >= threshold) left = { at, because: choose(today, pick * added) };
    if (nearly === null && hazard >= NEAR_MISS * threshold) nearly = at;
  }
  const wavered = left === null && nearly !== null ? { at: nearly, withdrawnAt: nearly + 14 * DAY_MS } : null;
  return { hazard, hazardBy, probability: exp(-hazard), renewed: left === null, left, wavered, growth };
}

function choose(parts: readonly [HazardSource, number][], at: number): HazardSource {
  let left = at;
  let chosen: HazardSource = 'baseline';
  for (const [source, part] of parts) {
    if (part <= 0) continue;
    chosen = source;
    left -= part;
    if (left < 0) break;
  }
  return chosen;
}

/** Whether the customer chose to leave, as opposed to staying or to having no money. */
export function isWilling(decision: Renewal): boolean {
  return decision.left !== null && decision.left.because !== 'payment';
}
