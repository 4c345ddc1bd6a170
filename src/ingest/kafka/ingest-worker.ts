import type { Millis } from '../../core/clock.js';
import type { ConfirmedProducer } from '../../kafka/confirmed-producer.js';
import type { IncomingMessage } from '../../kafka/feed/incoming-message.js';
import type { TopicNames } from '../../kafka/topics.js';
import { publishTouched } from '../../kafka/touched.js';
import type { SignalCatalogue } from '../../signals/catalogue.js';
import { parseMessage } from '../../signals/parse.js';
import type { Parsed } from '../../signals/parsed.js';
import type { Store } from '../../store/store.js';
import { writeBatch } from '../batch-writer.js';
import type { Delivery } from '../signal-source.js';
import { KafkaSource, type KafkaSourceOptions } from './kafka-source.js';

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

  constructor(options: IngestWorkerOptions) {
    this.#options = options;
    const { names, catalogue, store: _store, producer: _producer, ...source } = options;
    this.#source = new KafkaSource({ ...source, parse: (message) => parse(message, names, catalogue) });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { store, producer, names } = this.#options;
    await this.#source.run(async (batch) => {
      const due = batch.filter((delivery) => !this.#written.has(delivery));
      if (due.length > 0) await writeBatch(store, due);
      try {
        await publishTouched(producer, names.touched, touchedBy(batch));
      } catch (error) {
        for (const delivery of batch) this.#written.add(delivery);
        throw error;
      }
    }, signal);
  }

  notReady(lagLimitMs: Millis): string | undefined {
    return this.#source.notReady(lagLimitMs);
  }

  notLive(): string | undefined {
    return this.#source.notLive();
  }
}

/** The topic says what a message is meant to be. */
function parse(
  { topic, body, headers, receivedAt }: IncomingMessage,
  names: TopicNames,
  catalogue: SignalCatalogue,
): Parsed {
  const expected =
    topic === names.subscriptions ? 'subscription' : topic === names.outcomes ? 'outcome' : 'signal';
  return parseMessage({ body, headers }, expected, { receivedAt, catalogue });
}

/** The accounts of a batch, each with the arrival of its first signal. */
export function touchedBy(batch: readonly Delivery[]): { accountId: string; since: Millis }[] {
  const since = new Map<string, Millis>();
  for (const { record, receivedAt } of batch) {
    if (record.kind === 'rejection') continue;
    const { accountId } =
      record.kind === 'signal'
        ? record.signal
        : record.kind === 'subscription'
          ? record.subscription
          : record.outcome;
    since.set(accountId, Math.min(since.get(accountId) ?? receivedAt, receivedAt));
  }
  return [...since].map(([accountId, at]) => ({ accountId, since: at }));
}
