import type { KafkaMessage } from 'kafkajs';
import type { RecordBatch } from './record-batch.js';

/** Why the messages of a batch can't be had. */
export interface UnreadableBatch {
  readonly reason: string;
  /** Of its first message. */
  readonly offset: number;
  /** Where reading could go on, without the batch. */
  readonly nextOffset: number;
}

/** By the memory that the stand-ins lie in, which no message of a broker shares. */
const unreadable = new WeakMap<ArrayBufferLike, UnreadableBatch>();

/**
 * Records that stand in for those of a batch that can't be unpacked. A codec that throws makes kafkajs drop the whole
 * answer, other partitions included, and nobody learns which topic and partition it was. Stand-ins come out where the
 * messages would have, in their partition, and `unreadableBatch` knows them.
 */
export function standIns({ firstOffset, lastOffset, count }: RecordBatch, reason: string): Buffer {
  const offsetDelta = varint(Number(lastOffset - firstOffset));
  // No attributes, no time, an offset, no key, an empty value, no headers. All at the last offset: kafkajs leaves out
  // what lies before the offset it asked for.
  const record = [0, 0, ...offsetDelta, ...varint(-1), ...varint(0), 0];
  const sized = Buffer.from([...varint(record.length), ...record]);
  const records = Buffer.alloc(count * sized.length, sized);
  unreadable.set(records.buffer, {
    reason,
    offset: Number(firstOffset),
    nextOffset: Number(lastOffset) + 1,
  });
  return records;
}

/** What the message stands in for; undefined: it is a real one. */
export function unreadableBatch({ value }: Pick<KafkaMessage, 'value'>): UnreadableBatch | undefined {
  return value === null ? undefined : unreadable.get(value.buffer);
}

/** As in records: the sign in the lowest bit, seven bits a byte, the low ones first. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
}
