import CRC32C from 'crc-32/crc32c.js';

/** Bytes of a record batch before its records. https://kafka.apache.org/documentation/#recordbatch */
const HEADER = 61;
const MAGIC = 2;

/** What the header of a batch says. */
export interface RecordBatch {
  readonly firstOffset: bigint;
  readonly lastOffset: bigint;
  /** Messages in it. */
  readonly count: number;
  /** Whether header and records are what the producer sent: the checksum matches. */
  readonly intact: boolean;
}

/**
 * The batch that these packed records belong to. kafkajs hands a codec nothing else, but the records are a view into the
 * broker's answer, so the header is right before them. Undefined when it is not: in the format of before Kafka 0.11.
 */
export function recordBatchAround(records: Buffer): RecordBatch | undefined {
  const begin = records.byteOffset - HEADER;
  if (begin < 0) return undefined;
  const batch = Buffer.from(records.buffer, begin, HEADER + records.length);
  const bytesAfterLength = batch.length - 12;
  if (batch.readInt32BE(8) !== bytesAfterLength || batch.readInt8(16) !== MAGIC) return undefined;
  const firstOffset = batch.readBigInt64BE(0);
  const count = batch.readInt32BE(57);
  return {
    firstOffset,
    // It can't lie before that of the last message; in a damaged header it might.
    lastOffset: firstOffset + BigInt(Math.max(batch.readInt32BE(23), count - 1)),
    count,
    intact: CRC32C.buf(batch.subarray(21)) === batch.readInt32BE(17),
  };
}
