import type { IHeaders, KafkaMessage } from 'kafkajs';
import type { Clock, Millis } from '../../core/clock.js';
import { LIMITS } from '../../core/limits.js';
import { asBuffer } from '../../signals/json-body.js';
import { type MessageHeaders, NO_HEADERS } from '../../signals/message.js';
import type { RawHeader, RecordCursor } from '../records/record-cursor.js';

/** A Kafka message as its reader needs it: whatever was on the wire, every member is what its type says. */
export interface IncomingMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: Uint8Array | null;
  /** Empty for a message without a value. Ask once: it may be cut out anew each time. */
  readonly body: Uint8Array;
  /** Bytes that hold the body, among those of other messages, and where it begins and ends there. */
  readonly bytes: Buffer;
  readonly bodyStart: number;
  readonly bodyEnd: number;
  /** Whether it had a value at all. */
  readonly hasValue: boolean;
  /** Those that say how the body is to be read, each with the first value that is there. */
  readonly headers: MessageHeaders;
  /** All of them, up to a number, those without a value left out: what a copy of the message has. */
  readonly allHeaders: IHeaders;
  /** The broker's time of the message. */
  readonly receivedAt: Millis;
}

const NOTHING = Buffer.alloc(0);
const READ = /^ce_|^content[-_]?type$/i;
/** Headers that say how a body is to be read: eight of CloudEvents, and extensions. */
const MOST_READ = 64;
/** Headers that a copy of a message has. */
const MOST_COPIED = 1_000;

/** The message at which the cursor is. Throws when its headers are damaged. `clock` is asked for those without a possible time. */
export function incomingMessage(
  topic: string,
  partition: number,
  cursor: RecordCursor,
  clock: Clock,
): IncomingMessage {
  return new CursorMessage(topic, partition, cursor, clock);
}

/** Lives from its arrival to its insert, so it is small: key and body stay where they are until they are asked for. */
class CursorMessage implements IncomingMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly headers: MessageHeaders;
  readonly allHeaders: IHeaders;
  readonly receivedAt: Millis;
  readonly bytes: Buffer;
  readonly bodyStart: number;
  readonly bodyEnd: number;
  readonly hasValue: boolean;
  readonly #keyStart: number;
  readonly #keyEnd: number;

  constructor(topic: string, partition: number, cursor: RecordCursor, clock: Clock) {
    this.topic = topic;
    this.partition = partition;
    this.offset = cursor.offset;
    const { headers, allHeaders } = cursor.headerCount === 0 ? NONE : readable(cursor.headers());
    this.headers = headers;
    this.allHeaders = allHeaders;
    this.receivedAt = cursor.appended ? appended(cursor.timestamp, clock) : arrival(cursor.timestamp, clock);
    this.bytes = cursor.bytes;
    this.hasValue = cursor.valueStart >= 0;
    this.bodyStart = this.hasValue ? cursor.valueStart : 0;
    this.bodyEnd = this.hasValue ? cursor.valueEnd : 0;
    this.#keyStart = cursor.keyStart;
    this.#keyEnd = cursor.keyEnd;
  }

  get key(): Uint8Array | null {
    return this.#keyStart < 0 ? null : this.bytes.subarray(this.#keyStart, this.#keyEnd);
  }

  get body(): Uint8Array {
    return this.bytes.subarray(this.bodyStart, this.bodyEnd);
  }
}

/** The same of a message that kafkajs has read: in a format of before Kafka 0.11, or from a broker of before 2.3. Never throws. */
export function oldMessage(
  topic: string,
  partition: number,
  message: KafkaMessage,
  clock: Clock,
): IncomingMessage {
  const { offset, timestamp, key, value, headers } = message as {
    readonly [name in keyof KafkaMessage]: unknown;
  };
  const raw: RawHeader[] = [];
  if (typeof headers === 'object' && headers !== null)
    for (const [name, values] of Object.entries(headers))
      for (const one of [values].flat())
        raw.push({ name, value: one instanceof Uint8Array ? Buffer.from(one) : null });
  const body = value instanceof Uint8Array ? asBuffer(value) : NOTHING;
  return {
    topic,
    partition,
    offset: Number(offset),
    key: key instanceof Uint8Array ? key : null,
    body,
    bytes: body,
    bodyStart: 0,
    bodyEnd: body.length,
    hasValue: value instanceof Uint8Array,
    ...readable(raw),
    receivedAt: arrival(Number(timestamp), clock),
  };
}

/** The broker's time holds where this machine's clock is days behind: by that one, signals would be of the future. */
function appended(stamped: Millis, clock: Clock): Millis {
  return stamped >= LIMITS.earliestTime && stamped <= LIMITS.latestDate ? stamped : clock();
}

/** A topic may keep its producers' times, and those may be anything. */
function arrival(stamped: Millis, clock: Clock): Millis {
  const now = clock();
  return stamped >= LIMITS.earliestTime && stamped <= now + LIMITS.futureTimeMs ? stamped : now;
}

interface Headers {
  readonly headers: MessageHeaders;
  readonly allHeaders: IHeaders;
}

const NONE: Headers = { headers: NO_HEADERS, allHeaders: NO_HEADERS as IHeaders };

/** A value may be null, and a name may come several times. */
function readable(raw: readonly RawHeader[]): Headers {
  const headers: Record<string, Uint8Array> = Object.create(null);
  const allHeaders: IHeaders = Object.create(null);
  let read = 0;
  let copied = 0;
  for (const { name, value } of raw) {
    if (value === null) continue;
    if (copied++ < MOST_COPIED) {
      const before = allHeaders[name];
      allHeaders[name] = before === undefined ? value : [...[before].flat(), value];
    }
    if (headers[name] !== undefined || !READ.test(name) || read++ >= MOST_READ) continue;
    // One byte over the limit is enough to be refused for its length.
    headers[name] = value.subarray(0, LIMITS.attributeValueBytes + 1);
  }
  return { headers, allHeaders };
}
