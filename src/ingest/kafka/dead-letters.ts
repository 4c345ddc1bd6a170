import { setTimeout as sleep } from 'node:timers/promises';
import type { IHeaders } from 'kafkajs';
import { LIMITS } from '../../core/limits.js';
import type { ConfirmedProducer } from '../../kafka/confirmed-producer.js';
import type { IncomingMessage } from '../../kafka/feed/incoming-message.js';
import { kafkaError } from '../../kafka/kafka-error.js';
import { bytesOf, type KeyedMessage } from '../../kafka/requests.js';
import type { Rejection } from '../../signals/signal.js';
import type { Logger } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import type { Delivery } from '../signal-source.js';

/** A rejected message as it came, to be copied to the dead-letter topic. */
export interface DeadLetter {
  readonly message: Pick<IncomingMessage, 'key' | 'body' | 'hasValue' | 'allHeaders'>;
  readonly origin: Delivery['origin'];
  readonly rejection: Rejection;
}

export interface DeadLettersOptions {
  readonly producer: Pick<ConfirmedProducer, 'send'>;
  readonly topic: string;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, 'deadLetters' | 'deadLettersLost'>;
  /**
   * So long a batch waits for its letters. After that it goes on without, and so do later ones until a broker answers.
   * @default 2000
   */
  readonly patienceMs?: number;
}

interface Letter extends KeyedMessage {
  readonly origin: Delivery['origin'];
}

/**
 * Copies rejected messages to a topic: key, bytes and headers as they came, with `perennial-reason`, `-field`, `-detail`,
 * `-topic`, `-partition`, `-offset` added. At least once while brokers answer: a redelivery copies again, with the same origin
 * headers. It never holds back what it copies from: what can't be sent is logged, counted and given up, since
 * `rejected_signals` has it.
 */
export class DeadLetters {
  readonly #options: DeadLettersOptions;
  #waitingBytes = 0;
  #last: Promise<void> = Promise.resolve();
  /** Whether the latest letters were not confirmed in time. */
  #behind = false;

  constructor(options: DeadLettersOptions) {
    this.#options = options;
  }

  /** Resolves when the letters are sent or given up, or when that takes too long. Never rejects. */
  async copy(letters: readonly DeadLetter[]): Promise<void> {
    if (letters.length === 0) return;
    const messages = letters.map(letterOf);
    const bytes = messages.reduce((sum, message) => sum + bytesOf(message), 0);
    if (this.#waitingBytes + bytes > LIMITS.deadLetterBytes) {
      this.#giveUp(messages, 'as many as may wait for a broker do so already');
      return;
    }
    this.#waitingBytes += bytes;
    const sent = this.#last.then(() => this.#send(messages));
    this.#last = sent.then(() => {
      this.#waitingBytes -= bytes;
    });
    if (this.#behind) return;
    this.#behind = await Promise.race([sent.then(() => false), this.#patience(true)]);
    if (this.#behind) void sent.then(() => (this.#behind = false));
  }

  /** Resolves when all are sent or given up, or when that takes too long. */
  async settled(): Promise<void> {
    await Promise.race([this.#last, this.#patience(undefined)]);
  }

  #patience<T>(value: T): Promise<T> {
    return sleep(this.#options.patienceMs ?? 2_000, value, { ref: false });
  }

  async #send(messages: readonly Letter[]): Promise<void> {
    const { producer, topic, metrics } = this.#options;
    try {
      const refused = await producer.send(topic, messages);
      for (const { message, error } of refused) this.#giveUp([message], error.message);
      metrics.deadLetters.inc(messages.length - refused.length);
    } catch (thrown) {
      this.#giveUp(messages, kafkaError(thrown).message);
    }
  }

  #giveUp(messages: readonly Letter[], reason: string): void {
    const { topic, logger, metrics } = this.#options;
    metrics.deadLettersLost.inc(messages.length);
    const first = messages[0]!.origin;
    logger.error(
      { deadLetters: topic, count: messages.length, first, reason },
      'Rejected messages could not be copied to the dead-letter topic; rejected_signals has them',
    );
  }
}

function letterOf({ message, origin, rejection }: DeadLetter): Letter {
  return {
    origin,
    key: message.key === null ? `${origin.topic}/${origin.partition}` : Buffer.from(message.key),
    value: message.hasValue ? Buffer.from(message.body) : null,
    headers: { ...message.allHeaders, ...reasonHeaders(rejection, origin) },
  };
}

function reasonHeaders(rejection: Rejection, origin: Delivery['origin']): IHeaders {
  return {
    'perennial-reason': rejection.reason,
    'perennial-field': rejection.field,
    'perennial-detail': rejection.detail,
    'perennial-topic': origin.topic,
    'perennial-partition': String(origin.partition),
    'perennial-offset': String(origin.offset),
  };
}
