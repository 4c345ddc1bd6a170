import type { IHeaders, Kafka, Message, Producer } from 'kafkajs';
import pRetry from 'p-retry';
import { PerennialError } from '../core/errors.js';
import { kafkaError } from './kafka-error.js';
import { partitionOf } from './partition-of.js';

/** A message with a key: everything Perennial publishes has one. */
export interface KeyedMessage {
  readonly key: string | Buffer;
  /** Null deletes the key from a compacted topic. */
  readonly value: string | Buffer | null;
  readonly headers?: IHeaders;
}

/** Messages of one request. kafkajs groups them by partition in quadratic time. */
const CHUNK = 500;
/**
 * How what fails or stays unconfirmed is tried again: some ten seconds in all, with jitter; each try is itself retried
 * by kafkajs. After that the caller decides.
 */
const RETRY = { retries: 8, minTimeout: 100, maxTimeout: 2_000, randomize: true };

/**
 * A producer whose `send` resolves only when a broker has confirmed every message (all in-sync replicas).
 *
 * kafkajs's own `send` does not promise that: when the leader of one partition moves to a broker that already
 * confirmed its share of the same call, the retry leaves that partition out and the call resolves without it. So
 * partitions are picked here, the answer is checked partition by partition, and what is missing is sent again.
 * Messages may thereby arrive twice, never not at all; ids of events are deterministic.
 */
export class ConfirmedProducer {
  readonly #producer: Producer;
  readonly #admin;
  readonly #partitions = new Map<string, number>();

  constructor(kafka: Kafka) {
    this.#producer = kafka.producer({ allowAutoTopicCreation: false });
    this.#admin = kafka.admin();
  }

  /** Throws `unavailable` when no broker answers, `permission_denied` when they refuse the user. */
  async connect(): Promise<void> {
    try {
      await Promise.all([this.#producer.connect(), this.#admin.connect()]);
    } catch (thrown) {
      await this.disconnect();
      throw kafkaError(thrown);
    }
  }

  async disconnect(): Promise<void> {
    await Promise.allSettled([this.#producer.disconnect(), this.#admin.disconnect()]);
  }

  /** Sends in order within a key. Throws `unavailable` when some messages stay unconfirmed; sending again is right. */
  async send(topic: string, messages: readonly KeyedMessage[]): Promise<void> {
    if (messages.length === 0) return;
    const partitions = await this.partitionsOf(topic);
    for (let at = 0; at < messages.length; at += CHUNK) {
      const chunk = messages.slice(at, at + CHUNK);
      await this.#sendChunk(
        topic,
        chunk.map((message) => ({ ...message, partition: partitionOf(message.key, partitions) })),
      );
    }
  }

  /** Number of the topic's partitions. Throws `not_found` when there is no such topic. */
  async partitionsOf(topic: string): Promise<number> {
    const known = this.#partitions.get(topic);
    if (known !== undefined) return known;
    const count = await pRetry(() => this.#countPartitions(topic), {
      ...RETRY,
      shouldRetry: ({ error }) => !(error instanceof PerennialError),
    }).catch((error: unknown) => {
      throw kafkaError(error);
    });
    this.#partitions.set(topic, count);
    return count;
  }

  async #countPartitions(topic: string): Promise<number> {
    const topics = await this.#admin.listTopics();
    if (!topics.includes(topic)) {
      throw new PerennialError('not_found', `The Kafka topic ${topic} does not exist.`, {
        hint: 'Create the topics with: perennial topics create. If it is there, the user lacks rights: docs/operations.md lists them.',
      });
    }
    const { topics: found } = await this.#admin.fetchTopicMetadata({ topics: [topic] });
    return found[0]!.partitions.length;
  }

  async #sendChunk(topic: string, messages: readonly (Message & { partition: number })[]): Promise<void> {
    let left = messages;
    const send = async () => {
      const answer = await this.#producer.send({ topic, acks: -1, messages: [...left] });
      const confirmed = new Set(
        answer.filter(({ errorCode }) => errorCode === 0).map(({ partition }) => partition),
      );
      left = left.filter(({ partition }) => !confirmed.has(partition));
      if (left.length > 0)
        throw new PerennialError('unavailable', `Kafka did not confirm ${left.length} messages to ${topic}.`);
    };
    await pRetry(send, RETRY).catch((error: unknown) => {
      throw kafkaError(error);
    });
  }
}
