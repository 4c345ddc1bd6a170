import type { Millis } from '../../core/clock.js';
import type { FeedOptions, Read } from '../../kafka/feed/feed-options.js';
import type { IncomingMessage } from '../../kafka/feed/incoming-message.js';
import { KafkaFeed } from '../../kafka/feed/kafka-feed.js';
import { defectFault } from '../../signals/parse.js';
import type { Origin, Rejection } from '../../signals/signal.js';
import type { Metrics } from '../../telemetry/metrics.js';
import type { Delivery, SignalSource } from '../signal-source.js';
import type { DeadLetter, DeadLetters } from './dead-letters.js';
import { deliverApart } from './deliver-apart.js';

export interface KafkaSourceOptions extends Omit<FeedOptions<unknown>, 'read' | 'exclusive'> {
  /** Turns a message into a record or a rejection. */
  readonly parse: (message: IncomingMessage) => Delivery['record'];
  /** Where rejected messages are copied to. @default nowhere */
  readonly deadLetters?: DeadLetters;
}

/** A message and the record read from it. Reads origin and time from the message: tens of thousands are held until the insert. */
class Item implements Delivery {
  readonly message: IncomingMessage;
  readonly record: Delivery['record'];

  constructor(message: IncomingMessage, record: Delivery['record']) {
    this.message = message;
    this.record = record;
  }

  get origin(): Origin {
    return this.message;
  }

  get receivedAt(): Millis {
    return this.message.receivedAt;
  }
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
    const { metrics, deadLetters } = this.#options;
    await this.#feed.run(async (items) => {
      const timer = metrics.batchSeconds.startTimer();
      const culprits = await deliverApart(items, deliver);
      const refused = culprits.map(({ item, error }) => this.#refuse(item, error));
      if (refused.length > 0) await deliver(refused);
      timer();
      const bad = new Set(culprits.map(({ item }) => item));
      const done = bad.size === 0 ? items : [...items.filter((item) => !bad.has(item)), ...refused];
      await deadLetters?.copy(done.flatMap(letterOf));
      observe(metrics, done);
    }, signal);
    await deadLetters?.settled();
  }

  /** What keeps this source from being ready, if anything does. */
  notReady(lagLimitMs: Millis): string | undefined {
    return this.#feed.notReady(lagLimitMs);
  }

  /** What a restart of the process should heal, if anything. */
  notLive(): string | undefined {
    return this.#feed.notLive();
  }

  #read(message: IncomingMessage): Read<Item> {
    const record = this.#recordOf(message);
    return { item: new Item(message, record), rejected: record.kind === 'rejection' };
  }

  #recordOf(message: IncomingMessage): Delivery['record'] {
    try {
      return this.#options.parse(message);
    } catch (error) {
      return this.#lastResort(message, error);
    }
  }

  /** A row that the store takes in no company is kept as a rejection, so that the others can go on. */
  #refuse({ message }: Item, error: Error): Item {
    return new Item(message, this.#lastResort(message, error.cause ?? error));
  }

  #lastResort(message: IncomingMessage, error: unknown): Delivery['record'] {
    const { topic, partition, offset, body } = message;
    this.#options.logger.error(
      { topic, partition, offset, error },
      'A message was rejected for a defect of Perennial',
    );
    const { reason, detail, field } = defectFault(error);
    const rejection: Rejection = { reason, detail, field, id: '', raw: body };
    return { kind: 'rejection', rejection };
  }
}

function letterOf({ message, record, origin }: Item): DeadLetter[] {
  return record.kind === 'rejection' ? [{ message, origin, rejection: record.rejection }] : [];
}

function observe(metrics: Metrics, items: readonly Item[]): void {
  const kinds: Record<string, number> = {};
  const reasons: Record<string, number> = {};
  let bytes = 0;
  for (const { record, message } of items) {
    bytes += message.bodyEnd - message.bodyStart;
    kinds[record.kind] = (kinds[record.kind] ?? 0) + 1;
    if (record.kind !== 'rejection') continue;
    const { reason } = record.rejection;
    reasons[reason] = (reasons[reason] ?? 0) + 1;
  }
  metrics.batchRows.observe(items.length);
  metrics.batchBytes.observe(bytes);
  for (const [kind, count] of Object.entries(kinds)) metrics.messages.inc({ kind }, count);
  for (const [reason, count] of Object.entries(reasons)) metrics.rejections.inc({ reason }, count);
}
