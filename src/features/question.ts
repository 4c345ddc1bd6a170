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
  /** In the order of account, subscription and time, each once, and at least one: they travel with the query. */
  readonly observations: readonly Observed[];
}

export interface Observed {
  readonly accountId: string;
  readonly subscriptionId: string;
  readonly asOf: Millis;
}

export type FeatureQuestion = PresentQuestion | ObservationsQuestion;

export interface Query {
  readonly sql: string;
  readonly params: Readonly<Record<string, unknown>>;
}
