import { DAY_MS, type Millis } from '../core/clock.js';
import {
  DECAY_DAYS,
  PROCESS_MODEL,
  PROCESSES,
  type Process,
  RATE_EFFECTS,
  type RateChannel,
  SCORE_EFFECTS,
  type ScoreChannel,
} from './model.js';
import { exp } from './portable-math.js';

/** One time that a process was at work on a subscription. */
export interface Episode {
  readonly process: Process;
  readonly onset: Millis;
  /** From here on it dies away: the customer recovered, or the term ended. */
  readonly until: Millis;
  /** In (0, 1]: what the intensity rises to. */
  readonly severity: number;
}

/** Intensity of every process at one time, in the order of PROCESSES, each in [0, 1]. */
export type Levels = Float64Array;

/** How strongly one episode is felt at a time: 0 before its onset, rising to its severity, dying away after its end. */
function intensity(episode: Episode, at: Millis): number {
  if (at <= episode.onset) return 0;
  const rising = (Math.min(at, episode.until) - episode.onset) / DAY_MS;
  const risen = episode.severity * (1 - exp(-rising / PROCESS_MODEL[episode.process].rampDays));
  if (at <= episode.until) return risen;
  return risen * exp(-(at - episode.until) / DAY_MS / DECAY_DAYS);
}

/** Adds up the episodes of each process at a time, into `levels` where given. No process goes over 1. */
export function levelsAt(
  episodes: readonly Episode[],
  at: Millis,
  levels: Levels = new Float64Array(PROCESSES.length),
): Levels {
  levels.fill(0);
  for (const episode of episodes) {
    const index = INDEX[episode.process];
    levels[index] = Math.min(1, (levels[index] ?? 0) + intensity(episode, at));
  }
  return levels;
}

export function levelOf(levels: Levels, process: Process): number {
  return levels[INDEX[process]] ?? 0;
}

/** What a rate is multiplied by: exp(sum of effect * intensity). */
export function rateFactor(channel: RateChannel, levels: Levels): number {
  return exp(weigh(RATE_WEIGHTS[channel], levels));
}

/** What is added to the mean of an answer: sum of effect * intensity. */
export function scoreShift(channel: ScoreChannel, levels: Levels): number {
  return weigh(SCORE_WEIGHTS[channel], levels);
}

const INDEX = Object.fromEntries(PROCESSES.map((process, index) => [process, index])) as Record<
  Process,
  number
>;
const RATE_WEIGHTS = weightsOf<RateChannel>(RATE_EFFECTS);
const SCORE_WEIGHTS = weightsOf<ScoreChannel>(SCORE_EFFECTS);

function weightsOf<C extends string>(
  effects: Readonly<Record<C, Partial<Record<Process, number>>>>,
): Record<C, Float64Array> {
  const channels = Object.entries(effects) as [C, Partial<Record<Process, number>>][];
  return Object.fromEntries(
    channels.map(([channel, effect]) => [
      channel,
      Float64Array.from(PROCESSES, (process) => effect[process] ?? 0),
    ]),
  ) as Record<C, Float64Array>;
}

function weigh(weights: Float64Array, levels: Levels): number {
  let sum = 0;
  for (let i = 0; i < weights.length; i++) sum += (weights[i] ?? 0) * (levels[i] ?? 0);
  return sum;
}
