import type { KafkaMessage } from 'kafkajs';
import type { Clock, Millis } from '../../core/clock.js';
import { LIMITS } from '../../core/limits.js';
import type { MessageHeaders } from '../../signals/message.js';

/** A Kafka message as its reader needs it: whatever was on the wire, every member is what its type says. */
export interface IncomingMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Empty for a message without a value. */
  readonly body: Uint8Array;
  /** Those that say how the body is to be read, each with the first value that is there. */
  readonly headers: MessageHeaders;
  /** The broker's time of the message. */
  readonly receivedAt: Millis;
  /** As kafkajs hands it over. Its types promise more than producers keep. */
  readonly original: KafkaMessage;
}

const NOTHING = Buffer.alloc(0);
const NONE: MessageHeaders = Object.freeze(Object.create(null));
const READ = /^ce_|^content[-_]?type$/i;
/** Headers that say how a body is to be read: eight of CloudEvents, and extensions. */
const MOST_HEADERS = 64;

/** Never throws. `clock` is asked for messages without a time, which only very old producers send, or with an impossible one. */
export function incomingMessage(
  topic: string,
  partition: number,
  message: KafkaMessage,
  clock: Clock,
): IncomingMessage {
  const { offset, timestamp, value, headers } = message as { readonly [name in keyof KafkaMessage]: unknown };
  return {
    topic,
    partition,
    offset: Number(offset),
    body: value instanceof Uint8Array ? value : NOTHING,
    headers: readable(headers),
    receivedAt: arrival(Number(timestamp), clock),
    original: message,
  };
}

/** A topic may keep its producers' times, and those may be anything. */
function arrival(stamped: Millis, clock: Clock): Millis {
  if (stamped >= LIMITS.earliestTime) {
    const now = clock();
    if (stamped <= now + LIMITS.futureTimeMs) return stamped;
    return now;
  }
  return clock();
}

/** A value may be null, and a name may come several times. */
function readable(headers: unknown): MessageHeaders {
  if (typeof headers !== 'object' || headers === null) return NONE;
  let found: Record<string, string | Uint8Array> | undefined;
  let left = MOST_HEADERS;
  for (const name in headers) {
    if (!READ.test(name)) continue;
    if (left-- === 0) break;
    const value = firstOf((headers as Record<string, unknown>)[name]);
    if (value === undefined) continue;
    found ??= Object.create(null) as Record<string, string | Uint8Array>;
    // One byte over the limit is enough to be refused for its length.
    found[name] = value.slice(0, LIMITS.attributeValueBytes + 1);
  }
  return found ?? NONE;
}

function firstOf(value: unknown): string | Uint8Array | undefined {
  if (typeof value === 'string' || value instanceof Uint8Array) return value;
  return Array.isArray(value)
    ? value.find((one) => typeof one === 'string' || one instanceof Uint8Array)
    : undefined;
}
