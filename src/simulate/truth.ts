import type { Period } from './account.js';
import { type AccountLife, drawLife } from './life.js';
import { CAUSES, type Cause, type Process } from './model.js';
import type { HazardSource } from './renewal.js';

/** What really went on in one term of a subscription. The names are those of `truth.ndjson`; times are ISO, UTC. */
export interface Truth {
  readonly account_id: string;
  readonly subscription_id: string;
  readonly segment: string;
  readonly term_start: string;
  readonly renewal: string;
  /** The cause with the largest part in the hazard, when it is larger than the baseline's; else "none". */
  readonly cause: Cause | 'none';
  /** When that cause set in; null without one. */
  readonly onset: string | null;
  /** Its severity in (0, 1]; null without one. */
  readonly severity: number | null;
  /** Every process felt in the term: champion losses of the account and what is left of earlier ones included. */
  readonly episodes: readonly { process: Process; onset: string; until: string; severity: number }[];
  /** Hazard of leaving over the decision window, and its parts. */
  readonly hazard: number;
  readonly hazard_by: Readonly<Record<HazardSource, number>>;
  /** exp(-hazard): the best probability anyone could state who knows the processes. */
  readonly renewal_probability: number;
  readonly outcome: 'renewed' | 'churned' | 'contracted' | 'expanded';
  /** False when the renewal lies after the period: then the outcome is what will happen, and is in no other file. */
  readonly observed: boolean;
  /** When the customer decided to leave; null when they stay. */
  readonly decided_at: string | null;
  /** What they left for; null when they stay. "baseline" is no cause in particular. */
  readonly left_because: HazardSource | null;
  /** False when they left for lack of payment; null when they stay. */
  readonly voluntary: boolean | null;
  readonly arr_minor: number;
}

/** The truth about every term, in order of account, subscription and time. Needs no signals to be generated. */
export function* truths(seed: number, indexes: readonly number[], period: Period): Generator<Truth> {
  for (const index of indexes) yield* truthOf(drawLife(seed, index, period), period);
}

function* truthOf(life: AccountLife, period: Period): Generator<Truth> {
  for (const { contract, terms } of life.subscriptions) {
    for (const term of terms) {
      const { decision, episodes } = term;
      const main = mainCause(decision.hazardBy);
      const episode = episodes.findLast(({ process }) => process === main);
      yield {
        account_id: life.id,
        subscription_id: contract.id,
        segment: life.segment,
        term_start: iso(term.start),
        renewal: iso(term.renewal),
        cause: main ?? 'none',
        onset: episode === undefined ? null : iso(episode.onset),
        severity: episode?.severity ?? null,
        episodes: episodes.map(({ process, onset, until, severity }) => ({
          process,
          onset: iso(onset),
          until: iso(until),
          severity,
        })),
        hazard: decision.hazard,
        hazard_by: decision.hazardBy,
        renewal_probability: decision.probability,
        outcome: term.outcome,
        observed: term.renewal < period.end,
        decided_at: decision.left === null ? null : iso(decision.left.at),
        left_because: decision.left?.because ?? null,
        voluntary: decision.left === null ? null : decision.left.because !== 'payment',
        arr_minor: term.arrMinor,
      };
    }
  }
}

function mainCause(hazardBy: Readonly<Record<HazardSource, number>>): Cause | null {
  let main: Cause | null = null;
  let most = hazardBy.baseline;
  for (const cause of CAUSES) {
    if (hazardBy[cause] <= most) continue;
    main = cause;
    most = hazardBy[cause];
  }
  return main;
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
