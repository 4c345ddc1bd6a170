import type { IHeaders } from 'kafkajs';
import { LIMITS } from '../core/limits.js';

/** A message with a key: everything Perennial publishes has one. */
export interface KeyedMessage {
  readonly key: string | Buffer;
  /** Null deletes the key from a compacted topic. */
  readonly value: string | Buffer | null;
  readonly headers?: IHeaders;
}

/** Of a record: its own length, attributes, time, offset, and the lengths of key, value and headers. */
const RECORD_BYTES = 40;
const HEADER_BYTES = 10;

/** Bytes that a message adds to its batch, rather too many than too few. */
export function bytesOf({ key, value, headers }: KeyedMessage): number {
  let bytes = RECORD_BYTES + Buffer.byteLength(key) + (value === null ? 0 : Buffer.byteLength(value));
  for (const [name, values] of Object.entries(headers ?? {}))
    for (const one of Array.isArray(values) ? values : [values])
      bytes += HEADER_BYTES + Buffer.byteLength(name) + (one === undefined ? 0 : Buffer.byteLength(one));
  return bytes;
}

/**
 * Messages, in their order, in requests that brokers take: they measure a batch, and all of a request may go to one partition.
 * One that is too large by itself goes alone, since its topic may allow more.
 */
export function* requestsOf<M extends KeyedMessage>(messages: readonly M[]): Generator<M[]> {
  let request: M[] = [];
  let bytes = 0;
  for (const message of messages) {
    const more = bytesOf(message);
    const full = request.length >= LIMITS.kafkaRequestMessages || bytes + more > LIMITS.kafkaRequestBytes;
    if (full && request.length > 0) {
      yield request;
      request = [];
      bytes = 0;
    }
    request.push(message);
    bytes += more;
  }
  if (request.length > 0) yield request;
}
