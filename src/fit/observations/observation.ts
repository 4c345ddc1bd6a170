import type { Millis } from '../../core/clock.js';

/** A contract that was due, looked at from before, and what became of it. */
export interface Observation {
  readonly accountId: string;
  readonly subscriptionId: string;
  /** When it is looked at: only what had happened and arrived by then may be used. */
  readonly asOf: Millis;
  /** When the contract was due. */
  readonly dueAt: Millis;
  /** Days between, as the label declares them. */
  readonly leadDays: number;
  /** 1: the label is true, the contract was not renewed. */
  readonly label: 0 | 1;
}

/** How a contract that was due ended, and when the customer had said so before. */
export interface DecidedTerm {
  readonly accountId: string;
  readonly subscriptionId: string;
  readonly dueAt: Millis;
  readonly label: 0 | 1;
  /** When notice was given; null: it was not. */
  readonly noticeAt: Millis | null;
}
