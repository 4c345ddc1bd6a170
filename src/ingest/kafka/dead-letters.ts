import type { IHeaders, KafkaMessage } from 'kafkajs';
import type { ConfirmedProducer } from '../../kafka/confirmed-producer.js';
import type { Rejection } from '../../signals/signal.js';
import type { Delivery } from '../signal-source.js';

/** A rejected message as it came, to be copied to the dead-letter topic. */
export interface DeadLetter {
  readonly message: Pick<KafkaMessage, 'key' | 'value' | 'headers'>;
  readonly delivery: Delivery;
  readonly rejection: Rejection;
}

/**
 * Copies rejected messages to a topic: key, bytes and headers as they came, with `perennial-reason`, `-field`, `-detail`,
 * `-topic`, `-partition`, `-offset` added. At least once: a redelivery copies again, with the same origin headers.
 */
export async function sendDeadLetters(
  producer: Pick<ConfirmedProducer, 'send'>,
  topic: string,
  letters: readonly DeadLetter[],
): Promise<void> {
  await producer.send(
    topic,
    letters.map(({ message, delivery: { origin }, rejection }) => ({
      key: message.key ?? `${origin.topic}/${origin.partition}`,
      value: message.value,
      headers: { ...message.headers, ...reasonHeaders(rejection, origin) },
    })),
  );
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
