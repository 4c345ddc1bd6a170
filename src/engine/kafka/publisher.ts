import type { Clock, Millis } from '../../core/clock.js';
import type { DecisionEvent } from '../../decisions/decision.js';
import type { ConfirmedProducer } from '../../kafka/confirmed-producer.js';
import type { Scoring } from '../../scoring/load.js';
import { insertRows } from '../../store/encoded-rows.js';
import { encodePublications, isPublished, readUnpublished } from '../../store/publication-log.js';
import type { ScoredBatch } from '../../store/risk-state.js';
import type { QueryParams, Store } from '../../store/store.js';
import type { Sink } from '../sink.js';
import { decisionMessage, goneMessages, riskMessages } from './events.js';

const PAGE = 5_000;

/**
 * Publishes risks and events of decisions. A risk that a crash keeps from being published is published by the next rescore of
 * its account, which the uncommitted `touched` message causes. An event happens only once, so events go by an outbox:
 * `event_publication_log` says what a broker has acknowledged, and whatever is missing there is published (again) by the scorer
 * that takes the account over.
 */
export class Publisher {
  readonly #producer: Pick<ConfirmedProducer, 'send'>;
  readonly #store: Store;
  readonly #topics: { readonly risks: string; readonly decisions: string };
  readonly #clock: Clock;

  constructor(
    producer: Pick<ConfirmedProducer, 'send'>,
    store: Store,
    topics: { readonly risks: string; readonly decisions: string },
    clock: Clock,
  ) {
    this.#producer = producer;
    this.#store = store;
    this.#topics = topics;
    this.#clock = clock;
  }

  /**
   * A sink that publishes what a pass has stored: in the order of the pass, and beside its work. `assertStillOwner` is asked
   * before every request; once it throws, nothing more is sent.
   */
  sink(scoring: Scoring, assertStillOwner: () => void): Sink {
    let publishing: Promise<void> = Promise.resolve();
    const next = (work: () => Promise<void>): void => {
      publishing = publishing.then(async () => {
        assertStillOwner();
        await work();
      });
      // A failure is reported where it is awaited, at the end of the pass.
      publishing.catch(() => undefined);
    };
    return {
      scored: async (batch: ScoredBatch, asOf: Millis) => {
        next(() => this.#producer.send(this.#topics.risks, riskMessages(batch, scoring, asOf)));
      },
      left: async (subscriptions) => {
        next(() => this.#producer.send(this.#topics.risks, goneMessages(subscriptions)));
      },
      decided: async ({ events }) => {
        next(() => this.#publish(events.filter(isPublished)));
      },
      finish: () => publishing,
    };
  }

  /** Publishes every event of these accounts that was not yet. `accounts` is a condition on account_id. */
  async publishPending(
    accounts: { readonly sql: string; readonly params: QueryParams },
    assertStillOwner: () => void,
  ): Promise<void> {
    for (;;) {
      const due = await readUnpublished(this.#store, accounts, this.#clock(), PAGE);
      if (due.length === 0) return;
      assertStillOwner();
      await this.#publish(due);
      if (due.length < PAGE) return;
    }
  }

  async #publish(events: readonly DecisionEvent[]): Promise<void> {
    await this.#producer.send(this.#topics.decisions, events.map(decisionMessage));
    await insertRows(this.#store, encodePublications(events, this.#clock()));
  }
}
