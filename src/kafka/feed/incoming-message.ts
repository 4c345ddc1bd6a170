import type { IHeaders, KafkaMessage } from 'kafkajs';
import type { Clock, Millis } from '../../core/clock.js';

/** A Kafka message as its reader needs it. */
export interface IncomingMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Empty for a message without a value. */
  readonly body: Uint8Array;
  readonly headers: IHeaders;
  /** The broker's time of the message. */
  readonly receivedAt: Millis;
  /** As kafkajs hands it over. */
  readonly original: KafkaMessage;
}

/** `clock` is asked for messages without a time, which only very old producers send. */
export function incomingMessage(
  topic: string,
  partition: number,
  message: KafkaMessage,
  clock: Clock,
): IncomingMessage {
  const stamped = Number(message.timestamp);
  return {
    topic,
    partition,
    offset: Number(message.offset),
    body: message.value ?? Buffer.alloc(0),
    headers: message.headers ?? {},
    receivedAt: stamped >= 0 ? stamped : clock(),
    original: message,
  };
}
