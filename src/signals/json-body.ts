import { isAscii } from 'node:buffer';
import { LIMITS } from '../core/limits.js';
import { Fault } from './fault.js';

export type JsonObject = Readonly<Record<string, unknown>>;

const utf8 = new TextDecoder('utf-8', { fatal: true });
const LONE_SURROGATE = /\p{Surrogate}/u;

/** Decodes strictly; a byte order mark at the start is dropped. Throws a Fault for bytes that are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string {
  // Most messages are, and then nothing has to be decoded.
  if (isAscii(bytes)) return asBuffer(bytes).toString('latin1');
  try {
    return utf8.decode(bytes);
  } catch {
    throw new Fault('not_utf8', '', 'The message is not UTF-8: encode it as UTF-8.');
  }
}

/** Those of Kafka are one: another for the same bytes costs a tenth of reading them. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/**
 * The JSON object that the bytes hold. Throws a Fault for anything else, for nesting past the limit, and for text with
 * half a surrogate pair, which no store and no other reader could hold. Of a repeated key the last value counts.
 */
export function parseJsonObject(bytes: Uint8Array): JsonObject {
  const text = decodeUtf8(bytes);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Fault('not_json', '', `${whatItIs(bytes)}: write one JSON object.`);
  }
  if (!isObject(value))
    throw new Fault('not_an_object', '', 'The message is not an object: write one JSON object.');
  checkDepth(value, LIMITS.jsonDepth);
  // Bytes that decode as UTF-8 hold no lone surrogate; only an escape can smuggle one in.
  if (text.includes('\\u')) checkSurrogates(value);
  return value;
}

/** In words, where the first bytes say what a producer is set up for. */
function whatItIs(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'The message is empty';
  if (bytes[0] === 0 && bytes.length > 5)
    return 'The message begins with a zero byte, as those of a schema registry do, which is not JSON';
  return 'The message is not JSON';
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function checkDepth(value: object, left: number): void {
  if (left === 0) {
    throw new Fault('too_deep', '', `The message nests deeper than ${LIMITS.jsonDepth} levels: flatten it.`);
  }
  for (const key in value) {
    const member = (value as JsonObject)[key];
    if (typeof member === 'object' && member !== null) checkDepth(member, left - 1);
  }
}

function checkSurrogates(value: unknown): void {
  if (typeof value === 'string') {
    if (LONE_SURROGATE.test(value)) {
      throw new Fault('not_utf8', '', 'A text holds half of a surrogate pair: write whole characters.');
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, member] of Object.entries(value)) {
      checkSurrogates(key);
      checkSurrogates(member);
    }
  }
}
