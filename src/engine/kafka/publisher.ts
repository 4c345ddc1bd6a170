import type { Clock, Millis } from '../../core/clock.js';
import type { ConfirmedProducer } from '../../kafka/confirmed-producer.js';
import type { PartitionLease } from '../../kafka/feed/lease.js';
import type { KeyedMessage } from '../../kafka/requests.js';
import type { Scoring } from '../../scoring/load.js';
import { insertRows } from '../../store/encoded-rows.js';
import { encodePublications, readUnpublished } from '../../store/publication-log.js';
import type { ScoredBatch } from '../../store/risk-log.js';
import type { QueryParams, Store } from '../../store/store.js';
import type { Logger } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
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
 * Publishes risks and decisions. A risk that a crash keeps from being published is published by the next rescore of its
 * account, which the uncommitted `touched` message causes. A decision is opened only once, so decisions go by an
 * outbox: `publication_log` says what a broker has acknowledged, and whatever is missing there is published (again).
 *
 * The lease is asked before each request, so that a scorer that was replaced does not put something old behind what its successor
 * has published. An event that no broker takes is logged and counted, and holds nothing back: the store has it.
 */
export class Publisher {
  readonly #options: PublisherOptions;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  async publishRisks(
    scored: ScoredBatch,
    scoring: Scoring,
    asOf: Millis,
    lease: PartitionLease,
  ): Promise<void> {
    await this.#send(this.#options.topics.risks, riskMessages(scored, scoring, asOf), lease);
  }

  /** Takes subscriptions that are no longer scored off the topic of risks. */
  async retractRisks(
    gone: readonly { readonly accountId: string; readonly subscriptionId: string }[],
    lease: PartitionLease,
  ): Promise<void> {
    const tombstones = gone.map(({ accountId, subscriptionId }) => riskTombstone(accountId, subscriptionId));
    await this.#send(this.#options.topics.risks, tombstones, lease);
  }

  /** Publishes every decision state of these accounts that was not yet. `accounts` is a condition on account_id. */
  async publishDecisions(
    accounts: { readonly sql: string; readonly params: QueryParams },
    lease: PartitionLease,
  ): Promise<void> {
    const { store, topics, clock } = this.#options;
    for (;;) {
      const due = await readUnpublished(store, accounts, clock(), PAGE);
      if (due.length === 0) return;
      await this.#send(topics.decisions, due.map(decisionMessage), lease);
      lease.assertStillOwner();
      await insertRows(store, encodePublications(due, clock()));
      if (due.length < PAGE) return;
    }
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
