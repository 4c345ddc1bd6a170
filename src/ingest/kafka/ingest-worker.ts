import type { Millis } from '../../core/clock.js';
import type { ConfirmedProducer } from '../../kafka/confirmed-producer.js';
import type { TopicNames } from '../../kafka/topics.js';
import { publishTouched } from '../../kafka/touched.js';
import type { SignalCatalogue } from '../../signals/catalogue.js';
import { accountOf } from '../../signals/parsed.js';
import type { Store } from '../../store/store.js';
import { writeBatch } from '../batch-writer.js';
import { RecordCounts } from '../record-counts.js';
import type { Delivery } from '../signal-source.js';
import { KafkaSource, type KafkaSourceOptions } from './kafka-source.js';
import { recordReader } from './record-reader.js';

export interface IngestWorkerOptions extends Omit<KafkaSourceOptions, 'parse' | 'topics'> {
  readonly names: TopicNames;
  readonly topics: readonly string[];
  readonly catalogue: SignalCatalogue;
  readonly store: Store;
  readonly producer: Pick<ConfirmedProducer, 'send'>;
}

/**
 * From the signal topics into the store, and on to the scorers: a batch is done when its rows are durable and the accounts
 * it touched are published. Either may happen twice; both are idempotent.
 */
export class IngestWorker {
  readonly #options: IngestWorkerOptions;
  readonly #source: KafkaSource;
  /** What is durable, though its accounts could not be published: then only that is tried again. */
  readonly #written = new WeakSet<Delivery>();
  /** Accounts that batches touched which could not be published yet: records may have been moved or retracted from them. */
  readonly #unpublished = new Set<string>();

  constructor(options: IngestWorkerOptions) {
    this.#options = options;
    const { names, catalogue, store: _store, producer: _producer, ...source } = options;
    this.#source = new KafkaSource({ ...source, parse: recordReader(names, catalogue) });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { store, producer, names, metrics, logger } = this.#options;
    const counts = new RecordCounts(metrics, logger);
    const deliver = async (batch: readonly Delivery[]) => {
      const due = batch.filter((delivery) => !this.#written.has(delivery));
      if (due.length > 0) {
        const written = await writeBatch(store, due);
        counts.add(written);
        for (const account of written.accounts) this.#unpublished.add(account);
      }
      try {
        const accounts = new Set(this.#unpublished);
        await publishTouched(producer, names.touched, touchedBy(batch, accounts));
        for (const account of accounts) this.#unpublished.delete(account);
      } catch (error) {
        for (const delivery of batch) this.#written.add(delivery);
        throw error;
      }
    };
    try {
      await this.#source.run(deliver, signal);
    } finally {
      counts.flush();
    }
  }

  notReady(lagLimitMs: Millis): string | undefined {
    return this.#source.notReady(lagLimitMs);
  }

  notLive(): string | undefined {
    return this.#source.notLive();
  }
}

/**
 * The accounts that a batch touched, each with the arrival of its first record. Those that records were moved or retracted from
 * are in `accounts` only, and count from the first of all.
 */
export function touchedBy(
  batch: readonly Delivery[],
  accounts: ReadonlySet<string> = new Set(),
  now = Number.POSITIVE_INFINITY,
): { accountId: string; since: Millis }[] {
  const since = new Map<string, Millis>();
  let first = now;
  for (const { record, receivedAt } of batch) {
    first = Math.min(first, receivedAt);
    const accountId = accountOf(record);
    if (accountId === undefined) continue;
    const known = since.get(accountId);
    if (known === undefined || receivedAt < known) since.set(accountId, receivedAt);
  }
  for (const account of accounts) if (!since.has(account)) since.set(account, first);
  return [...since].map(([accountId, at]) => ({ accountId, since: at }));
}
