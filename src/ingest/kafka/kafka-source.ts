import type { Millis } from '../../core/clock.js';
import type { ConfirmedProducer } from '../../kafka/confirmed-producer.js';
import type { FeedOptions } from '../../kafka/feed/feed-options.js';
import type { IncomingMessage } from '../../kafka/feed/incoming-message.js';
import { KafkaFeed } from '../../kafka/feed/kafka-feed.js';
import type { Metrics } from '../../telemetry/metrics.js';
import type { Delivery, SignalSource } from '../signal-source.js';
import { type DeadLetter, sendDeadLetters } from './dead-letters.js';

export interface KafkaSourceOptions extends Omit<FeedOptions<unknown>, 'read'> {
  /** Turns a message into a record or a rejection. Pure; never throws. */
  readonly parse: (message: IncomingMessage) => Delivery['record'];
  /** Where rejected messages are copied to. @default nowhere */
  readonly deadLetters?: { readonly producer: Pick<ConfirmedProducer, 'send'>; readonly topic: string };
}

interface Item {
  readonly delivery: Delivery;
  readonly bytes: number;
  readonly letter: DeadLetter | undefined;
}

/** Signals, subscriptions and outcomes from Kafka. `kafka/feed/kafka-feed.ts` says what it promises, and how. */
export class KafkaSource implements SignalSource {
  readonly name: string;
  readonly #options: KafkaSourceOptions;
  readonly #feed: KafkaFeed<Item>;

  constructor(options: KafkaSourceOptions) {
    this.#options = options;
    this.name = `kafka:${options.groupId}`;
    const { parse: _parse, deadLetters: _deadLetters, ...feed } = options;
    this.#feed = new KafkaFeed({ ...feed, read: (message) => this.#read(message) });
  }

  async run(deliver: (batch: readonly Delivery[]) => Promise<void>, signal: AbortSignal): Promise<void> {
    const { batchSeconds } = this.#options.metrics;
    await this.#feed.run(async (items) => {
      const timer = batchSeconds.startTimer();
      await deliver(items.map(({ delivery }) => delivery));
      await this.#copyRejected(items);
      timer();
      observe(this.#options.metrics, items);
    }, signal);
  }

  /** What keeps this source from being ready, if anything does. */
  notReady(lagLimitMs: Millis): string | undefined {
    return this.#feed.notReady(lagLimitMs);
  }

  /** What a restart of the process should heal, if anything. */
  notLive(): string | undefined {
    return this.#feed.notLive();
  }

  #read(message: IncomingMessage): { item: Item; rejected: boolean } {
    const { topic, partition, offset, body, receivedAt, original } = message;
    const record = this.#options.parse(message);
    const delivery: Delivery = { record, origin: { topic, partition, offset }, receivedAt };
    const rejected = record.kind === 'rejection';
    const letter =
      rejected && this.#options.deadLetters !== undefined
        ? { message: original, delivery, rejection: record.rejection }
        : undefined;
    return { item: { delivery, bytes: body.length, letter }, rejected };
  }

  async #copyRejected(items: readonly Item[]): Promise<void> {
    const { deadLetters, metrics } = this.#options;
    if (deadLetters === undefined) return;
    const letters = items.flatMap(({ letter }) => letter ?? []);
    await sendDeadLetters(deadLetters.producer, deadLetters.topic, letters);
    metrics.deadLetters.inc(letters.length);
  }
}

function observe(metrics: Metrics, items: readonly Item[]): void {
  metrics.batchRows.observe(items.length);
  const kinds = new Map<string, number>();
  const reasons = new Map<string, number>();
  let bytes = 0;
  for (const { delivery, bytes: size } of items) {
    bytes += size;
    const { record } = delivery;
    kinds.set(record.kind, (kinds.get(record.kind) ?? 0) + 1);
    if (record.kind === 'rejection')
      reasons.set(record.rejection.reason, (reasons.get(record.rejection.reason) ?? 0) + 1);
  }
  metrics.batchBytes.observe(bytes);
  for (const [kind, count] of kinds) metrics.messages.inc({ kind }, count);
  for (const [reason, count] of reasons) metrics.rejections.inc({ reason }, count);
}
