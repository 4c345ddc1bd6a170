import type { Millis } from '../../core/clock.js';

/** Bytes of a record batch before its records. https://kafka.apache.org/documentation/#recordbatch */
export const BATCH_HEADER = 61;
/** Bytes of it before what `length` counts. */
const BEFORE_LENGTH = 12;
const MAGIC = 2;

/** Why the messages of a batch can't be had. */
export interface Unreadable {
  readonly reason: string;
  /** Of the first message that can't. */
  readonly offset: number;
  /** Where reading could go on, without the batch. */
  readonly nextOffset: number;
}

/** A record batch as it lies in a broker's answer. */
export interface BatchHeader {
  readonly firstOffset: number;
  readonly lastOffset: number;
  /** Messages in it. */
  readonly count: number;
  /** Bytes from its beginning to its end. */
  readonly bytes: number;
  /** Checksum of everything from the attributes on. */
  readonly checksum: number;
  /** As in the attributes: 0 is none. */
  readonly codec: number;
  readonly inTransaction: boolean;
  /** It holds the marker that ends a transaction, and no message. */
  readonly isControl: boolean;
  readonly producerId: string;
  readonly firstTimestamp: Millis;
  /** When the broker appended it; undefined where the producers' times are kept. */
  readonly appendedAt: Millis | undefined;
}

/** The header of the batch at this place; undefined when it is not there as a whole: an answer may end in the middle of one. */
export function readHeader(bytes: Buffer, at: number): BatchHeader | undefined {
  if (at + BATCH_HEADER > bytes.length) return undefined;
  const size = BEFORE_LENGTH + bytes.readInt32BE(at + 8);
  if (size < BATCH_HEADER || at + size > bytes.length) return undefined;
  const firstOffset = Number(bytes.readBigInt64BE(at));
  const attributes = bytes.readInt16BE(at + 21);
  const count = bytes.readInt32BE(at + 57);
  const appended = (attributes & 0x08) !== 0;
  return {
    firstOffset,
    // It can't lie before that of the last message; in a damaged header it might.
    lastOffset: firstOffset + Math.max(bytes.readInt32BE(at + 23), count - 1),
    count,
    bytes: size,
    checksum: bytes.readInt32BE(at + 17),
    codec: attributes & 0x07,
    inTransaction: (attributes & 0x10) !== 0,
    isControl: (attributes & 0x20) !== 0,
    firstTimestamp: Number(bytes.readBigInt64BE(at + 27)),
    appendedAt: appended ? Number(bytes.readBigInt64BE(at + 35)) : undefined,
    producerId: bytes.readBigInt64BE(at + 43).toString(),
  };
}

/** Whether what begins here is a batch, and not a message set of before Kafka 0.11. */
export function isBatch(bytes: Buffer, at: number): boolean {
  return at + 17 <= bytes.length && bytes.readInt8(at + 16) === MAGIC;
}

/** The messages of a batch, not yet taken apart. */
export class RecordBatch {
  readonly header: BatchHeader;
  /** Unpacked records; empty where they can't be had. */
  readonly records: Buffer;
  readonly unreadable: Unreadable | undefined;

  constructor(header: BatchHeader, records: Buffer | string) {
    this.header = header;
    this.records = typeof records === 'string' ? Buffer.alloc(0) : records;
    this.unreadable =
      typeof records === 'string'
        ? { reason: records, offset: header.firstOffset, nextOffset: header.lastOffset + 1 }
        : undefined;
  }
}
