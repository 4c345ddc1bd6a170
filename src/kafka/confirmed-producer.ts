import type { Kafka, Message, Producer } from 'kafkajs';
import pRetry from 'p-retry';
import { PerennialError } from '../core/errors.js';
import { kafkaError, refusesMessage } from './kafka-error.js';
import { partitionOf } from './partition-of.js';
import { type KeyedMessage, requestsOf } from './requests.js';

/** How what fails in passing, or stays unconfirmed, is tried again: some ten seconds in all, with jitter. Then the caller decides. */
const RETRY = { retries: 8, minTimeout: 100, maxTimeout: 2_000, randomize: true, maxRetryTime: 30_000 };

export interface SendOptions {
  /** Asked before each request, tries included; what it throws ends the sending. For a writer that may have been replaced. */
  readonly mayGoOn?: () => void;
}

/** A message that no broker will take, such as one that is too large. Sending it again is of no use. */
export interface Refused<M extends KeyedMessage> {
  readonly message: M;
  readonly error: PerennialError;
}

type Placed<M extends KeyedMessage> = { readonly message: M; readonly partition: number };

/**
 * A producer whose `send` resolves only when brokers have confirmed every message (all in-sync replicas), or refused it for ever.
 *
 * kafkajs's own `send` does not promise that: when the leader of one partition moves to a broker that already
 * confirmed its share of the same call, the retry leaves that partition out and the call resolves without it. So
 * partitions are picked here, the answer is checked partition by partition, and what is missing is sent again; kafkajs itself
 * tries once only. Messages may thereby arrive twice, never not at all; ids of events are deterministic.
 *
 * Calls for one topic are worked on one after another: what is sent later never overtakes what was sent before. It connects when
 * it is used.
 */
export class ConfirmedProducer {
  readonly #kafka: Kafka;
  readonly #producer: Producer;
  readonly #partitions = new Map<string, number>();
  #connected: Promise<void> | undefined;
  /** The latest call for each topic. */
  readonly #last = new Map<string, Promise<unknown>>();

  constructor(kafka: Kafka) {
    this.#kafka = kafka;
    this.#producer = kafka.producer({ allowAutoTopicCreation: false, retry: { retries: 0 } });
  }

  /** Throws `unavailable` when no broker answers, `permission_denied` when they refuse the user. `send` does it by itself. */
  async connect(): Promise<void> {
    this.#connected ??= this.#producer.connect().catch((thrown: unknown) => {
      this.#connected = undefined;
      throw kafkaError(thrown);
    });
    await this.#connected;
  }

  async disconnect(): Promise<void> {
    await this.#producer.disconnect().catch(() => undefined);
    this.#connected = undefined;
  }

  /**
   * Sends in order within a key, and resolves to the messages that brokers refuse for ever. Throws when others stay unsent:
   * `unavailable` when sending again is right, else what an operator has to do.
   */
  async send<M extends KeyedMessage>(
    topic: string,
    messages: readonly M[],
    options: SendOptions = {},
  ): Promise<readonly Refused<M>[]> {
    if (messages.length === 0) return [];
    const before = this.#last.get(topic) ?? Promise.resolve();
    const run = before.then(() => this.#sendAll(topic, messages, options));
    this.#last.set(
      topic,
      run.catch(() => undefined),
    );
    return run;
  }

  /** Number of the topic's partitions. Throws `not_found` when there is no such topic. */
  async partitionsOf(topic: string): Promise<number> {
    const known = this.#partitions.get(topic);
    if (known !== undefined) return known;
    const count = await retried(() => this.#countPartitions(topic));
    this.#partitions.set(topic, count);
    return count;
  }

  async #countPartitions(topic: string): Promise<number> {
    const admin = this.#kafka.admin();
    try {
      await admin.connect();
      if (!(await admin.listTopics()).includes(topic)) {
        throw new PerennialError('not_found', `The Kafka topic ${topic} does not exist.`, {
          hint: 'Create the topics with: perennial topics create. If it is there, the user lacks rights: docs/operations.md lists them.',
        });
      }
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      return topics[0]!.partitions.length;
    } finally {
      await admin.disconnect();
    }
  }

  async #sendAll<M extends KeyedMessage>(
    topic: string,
    messages: readonly M[],
    options: SendOptions,
  ): Promise<readonly Refused<M>[]> {
    await retried(() => this.connect());
    const partitions = await this.partitionsOf(topic);
    const refused: Refused<M>[] = [];
    for (const request of requestsOf(messages)) {
      const placed = request.map((message) => ({ message, partition: partitionOf(message.key, partitions) }));
      refused.push(...(await this.#sendRequest(topic, placed, options)));
    }
    return refused;
  }

  /** A request with a message that is refused is halved until that message is alone: brokers don't say which it is. */
  async #sendRequest<M extends KeyedMessage>(
    topic: string,
    placed: readonly Placed<M>[],
    options: SendOptions,
  ): Promise<readonly Refused<M>[]> {
    let left = placed;
    const attempt = async () => {
      options.mayGoOn?.();
      const messages = left.map(({ message, partition }): Message => ({ ...message, partition }));
      const answer = await this.#producer.send({ topic, acks: -1, messages });
      const confirmed = new Set(
        answer.filter(({ errorCode }) => errorCode === 0).map(({ partition }) => partition),
      );
      left = left.filter(({ partition }) => !confirmed.has(partition));
      if (left.length > 0)
        throw new PerennialError('unavailable', `Kafka did not confirm ${left.length} messages to ${topic}.`);
    };
    try {
      await retried(attempt);
      return [];
    } catch (thrown) {
      const error = kafkaError(thrown);
      if (!refusesMessage(error)) {
        // The topic may have been created anew, with fewer of them: kafkajs leaves messages for one that is not there unsent.
        this.#partitions.delete(topic);
        throw error;
      }
      if (left.length === 1) return [{ message: left[0]!.message, error }];
    }
    const middle = Math.ceil(left.length / 2);
    return [
      ...(await this.#sendRequest(topic, left.slice(0, middle), options)),
      ...(await this.#sendRequest(topic, left.slice(middle), options)),
    ];
  }
}

async function retried<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await pRetry(work, { ...RETRY, shouldRetry: ({ error }) => mayPass(error) });
  } catch (thrown) {
    throw kafkaError(thrown);
  }
}

function mayPass(thrown: unknown): boolean {
  const { code, retryable } = kafkaError(thrown);
  // A topic that a broker does not know may be one that it has not heard of yet.
  return retryable || (code === 'not_found' && !(thrown instanceof PerennialError));
}
