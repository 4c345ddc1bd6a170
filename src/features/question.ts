import type { Millis } from '../core/clock.js';
import type { Scope } from './population.js';

/** What everyone in a scope was like as of one time. */
export interface PresentQuestion {
  readonly scope: Scope;
  readonly asOf: Millis;
  /**
   * Only what had arrived by then counts, as in a backtest. Absent: everything that is in the store now, so that a signal
   * which arrived late still counts for the time it speaks of.
   */
  readonly knownAt?: Millis;
}

/** What given subscriptions were like, each as of its own time, by what had arrived until then. */
export interface ObservationsQuestion {
  readonly observations: ObservationRange;
}

/** A stretch of a set of observations that is in the store: see `store/observation-sets.ts`. */
export interface ObservationRange {
  readonly set: string;
  /** Accounts from and to, both included. */
  readonly first: string;
  readonly last: string;
  /** The times lie between these, both included. */
  readonly earliest: Millis;
  readonly latest: Millis;
}

export type FeatureQuestion = PresentQuestion | ObservationsQuestion;

export interface Query {
  readonly sql: string;
  readonly params: Readonly<Record<string, unknown>>;
}
