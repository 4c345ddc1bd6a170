import type { Clock, Millis } from '../../core/clock.js';
import type { ConfirmedProducer } from '../../kafka/confirmed-producer.js';
import type { Scoring } from '../../scoring/load.js';
import { insertRows } from '../../store/encoded-rows.js';
import { encodePublications, readUnpublished } from '../../store/publication-log.js';
import type { ScoredBatch } from '../../store/risk-log.js';
import type { QueryParams, Store } from '../../store/store.js';
import { decisionMessage, riskMessages } from './events.js';

const PAGE = 5_000;

/**
 * Publishes risks and decisions. A risk that a crash keeps from being published is published by the next rescore of its
 * account, which the uncommitted `touched` message causes. A decision is opened only once, so decisions go by an
 * outbox: `publication_log` says what a broker has acknowledged, and whatever is missing there is published (again).
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

  async publishRisks(scored: ScoredBatch, scoring: Scoring, asOf: Millis): Promise<void> {
    await this.#producer.send(this.#topics.risks, riskMessages(scored, scoring, asOf));
  }

  /** Publishes every decision state of these accounts that was not yet. `accounts` is a condition on account_id. */
  async publishDecisions(accounts: { readonly sql: string; readonly params: QueryParams }): Promise<void> {
    for (;;) {
      const due = await readUnpublished(this.#store, accounts, this.#clock(), PAGE);
      if (due.length === 0) return;
      await this.#producer.send(this.#topics.decisions, due.map(decisionMessage));
      await insertRows(this.#store, encodePublications(due, this.#clock()));
      if (due.length < PAGE) return;
    }
  }
}
