import type { Clock, Millis } from '../../core/clock.js';
import type { DecisionEvent } from '../../decisions/decision.js';
import type { ConfirmedProducer } from '../../kafka/confirmed-producer.js';
import type { PartitionLease } from '../../kafka/feed/lease.js';
import type { KeyedMessage } from '../../kafka/requests.js';
import type { Scoring } from '../../scoring/load.js';
import { insertRows } from '../../store/encoded-rows.js';
import { encodePublications, isPublished, readUnpublished } from '../../store/publication-log.js';
import type { ScoredBatch } from '../../store/risk-rows.js';
import type { QueryParams, Store } from '../../store/store.js';
import type { Logger } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import type { Sink } from '../sink.js';
import { decisionMessage, riskMessages, riskTombstone } from './events.js';

const PAGE = 5_000;

export interface PublisherOptions {
  readonly producer: Pick<ConfirmedProducer, 'send'>;
  readonly store: Store;
  readonly topics: { readonly risks: string; readonly decisions: string };
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, 'eventsRefused'>;
}

/**
 * Publishes risks and events of decisions. A risk that a crash keeps from being published is published by the next rescore of
 * its account, which the uncommitted `touched` message causes. An event happens only once, so events go by an outbox:
 * `event_publication_log` says what a broker has acknowledged, and whatever is missing there is published (again) by the scorer
 * that takes the account over.
 *
 * The lease is asked before each request, so that a scorer that was replaced does not put something old behind what its successor
 * has published. An event that no broker takes is logged and counted, and stops nothing: the store has it.
 */
export class Publisher {
  readonly #options: PublisherOptions;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** A sink that publishes what a pass has stored: in the order of the pass, and beside its work. */
  sink(scoring: Scoring, lease: PartitionLease): Sink {
    const { topics } = this.#options;
    let publishing: Promise<void> = Promise.resolve();
    const next = (work: () => Promise<void>): void => {
      publishing = publishing.then(work);
      // A failure is reported where it is awaited, at the end of the pass.
      publishing.catch(() => undefined);
    };
    return {
      scored: async (batches: readonly ScoredBatch[], asOf: Millis) => {
        for (const batch of batches)
          next(() => this.#send(topics.risks, riskMessages(batch, scoring, asOf), lease));
      },
      left: async (subscriptions) => {
        const tombstones = subscriptions.map(({ accountId, subscriptionId }) =>
          riskTombstone(accountId, subscriptionId),
        );
        next(() => this.#send(topics.risks, tombstones, lease));
      },
      decided: async ({ events }) => {
        next(() => this.#publish(events.filter(isPublished), lease));
      },
      finish: () => publishing,
    };
  }

  /** Publishes every event of these accounts that was not yet. `accounts` is a condition on account_id. */
  async publishPending(
    accounts: { readonly sql: string; readonly params: QueryParams },
    lease: PartitionLease,
  ): Promise<void> {
    const { store, clock } = this.#options;
    for (;;) {
      const due = await readUnpublished(store, accounts, clock(), PAGE);
      if (due.length === 0) return;
      await this.#publish(due, lease);
      if (due.length < PAGE) return;
    }
  }

  async #publish(events: readonly DecisionEvent[], lease: PartitionLease): Promise<void> {
    const { store, topics, clock } = this.#options;
    await this.#send(topics.decisions, events.map(decisionMessage), lease);
    lease.assertStillOwner();
    await insertRows(store, encodePublications(events, clock()));
  }

  async #send(topic: string, messages: readonly KeyedMessage[], lease: PartitionLease): Promise<void> {
    const { producer, logger, metrics } = this.#options;
    const refused = await producer.send(topic, messages, { mayGoOn: lease.assertStillOwner });
    if (refused.length === 0) return;
    metrics.eventsRefused.inc({ topic }, refused.length);
    logger.error(
      { topic, count: refused.length, reason: refused[0]!.error.message },
      'Events could not be published: Kafka does not take them',
    );
  }
}
