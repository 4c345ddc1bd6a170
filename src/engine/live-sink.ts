import type { Clock, Millis } from '../core/clock.js';
import type { DecisionEvent } from '../decisions/decision.js';
import type { Scoring } from '../scoring/load.js';
import { encodeApplied } from '../store/decision-inbox.js';
import { encodeEvents, encodeSuppressions } from '../store/decision-log.js';
import { insertRows } from '../store/encoded-rows.js';
import { encodeGone, encodeRisks, type ScoredBatch } from '../store/risk-rows.js';
import { assertFence } from '../store/scorer-fence.js';
import type { Store } from '../store/store.js';
import type { Decided, Sink } from './sink.js';

/** Callbacks that are invoked after what they are given is durable. */
export interface LiveListener {
  onScored?(batch: ScoredBatch, asOf: Millis): void;
  onLeft?(
    subscriptions: readonly { readonly accountId: string; readonly subscriptionId: string }[],
    asOf: Millis,
  ): void;
  onDecided?(events: readonly DecisionEvent[]): void;
}

export interface LiveSinkOptions {
  readonly store: Store;
  readonly scoring: Scoring;
  readonly clock: Clock;
  readonly listeners: Iterable<LiveListener>;
  /** Fencing token of the writer. @default 0: there is one writer, and no fence */
  readonly epoch?: number;
}

/**
 * Stores the results of a pass as the present. Events are stored before their answers are marked as applied: a process that dies
 * in between applies them again, which changes nothing. What the fence of scorers may have dropped counts as not stored: nothing is
 * marked, reported or published of it.
 */
export class LiveSink implements Sink {
  readonly #options: LiveSinkOptions;

  constructor(options: LiveSinkOptions) {
    this.#options = options;
  }

  async scored(batches: readonly ScoredBatch[], asOf: Millis): Promise<void> {
    const { store, scoring, clock, listeners, epoch } = this.#options;
    await insertRows(store, await encodeRisks(batches, scoring, asOf, clock(), epoch));
    await this.#assertFence();
    for (const listener of listeners) for (const batch of batches) listener.onScored?.(batch, asOf);
  }

  async left(
    subscriptions: readonly { readonly accountId: string; readonly subscriptionId: string }[],
    asOf: Millis,
  ): Promise<void> {
    const { store, listeners, epoch } = this.#options;
    await insertRows(store, encodeGone(subscriptions, asOf, epoch));
    await this.#assertFence();
    for (const listener of listeners) listener.onLeft?.(subscriptions, asOf);
  }

  async decided({ events, suppressed, answers, refusals }: Decided): Promise<void> {
    const { store, listeners, epoch } = this.#options;
    await insertRows(store, encodeSuppressions(suppressed));
    await insertRows(store, encodeEvents(events, epoch));
    await this.#assertFence();
    await insertRows(store, encodeApplied(answers, refusals));
    if (events.length > 0) for (const listener of listeners) listener.onDecided?.(events);
  }

  async finish(): Promise<void> {}

  async #assertFence(): Promise<void> {
    const { store, epoch = 0 } = this.#options;
    if (epoch !== 0) await assertFence(store, epoch);
  }
}
