// The default export: the table of codecs is not among the named ones.
import kafkajs from 'kafkajs';
import { PerennialError } from '../../core/errors.js';
import { LIMITS } from '../../core/limits.js';
import { unpackGzip } from './gzip.js';
import { unpackLz4 } from './lz4.js';
import { recordBatchAround } from './record-batch.js';
import { unpackSnappy } from './snappy.js';
import type { Unpack } from './unpack.js';
import { standIns } from './unreadable-batch.js';
import { unpackZstd } from './zstd.js';

const { CompressionCodecs: codecs, CompressionTypes: types } = kafkajs;

/**
 * Has kafkajs read batches in every compression that Kafka knows; by itself it reads gzip, without a limit. To be called
 * before the process fetches for the first time; calling it again does no harm.
 */
export function registerCodecs(): void {
  register(types.GZIP, 'gzip', unpackGzip, codecs[types.GZIP]().compress);
  register(types.Snappy, 'snappy', unpackSnappy);
  register(types.LZ4, 'lz4', unpackLz4);
  register(types.ZSTD, 'zstd', unpackZstd);
}

function register(type: keyof typeof codecs, name: string, unpack: Unpack, compress = notSent): void {
  const codec = { compress, decompress: (packed: Buffer) => readBatch(packed, name, unpack) };
  codecs[type] = () => codec;
}

async function notSent(): Promise<never> {
  throw new Error('Perennial sends nothing in this compression.');
}

/** Bytes unpacked of each answer of a broker so far. The batches of an answer are views into one buffer. */
const unpacked = new WeakMap<ArrayBufferLike, number>();

/** The records of a batch, or stand-ins for them when they can't be had. */
async function readBatch(packed: Buffer, name: string, unpack: Unpack): Promise<Buffer> {
  const batch = recordBatchAround(packed);
  const before = unpacked.get(packed.buffer) ?? 0;
  try {
    if (batch?.intact === false) throw new Error('its checksum does not match');
    if (batch !== undefined && batch.count > LIMITS.kafkaBatchMessages)
      throw new Error(`it has ${batch.count} messages, more than ${LIMITS.kafkaBatchMessages}`);
    const records = await unpack(packed, Math.max(1, LIMITS.kafkaUnpackedBytes - before));
    unpacked.set(packed.buffer, before + records.length);
    return records;
  } catch (cause) {
    const reason = `a batch in ${name} can't be read: ${cause instanceof Error ? cause.message : cause}`;
    // kafkajs could not pass on that many stand-ins either.
    if (batch !== undefined && batch.count <= LIMITS.kafkaBatchMessages) return standIns(batch, reason);
    const place = batch === undefined ? '' : `, at offsets ${batch.firstOffset} to ${batch.lastOffset}`;
    throw new PerennialError('failed_precondition', `Kafka: ${reason}${place}.`, {
      hint: 'docs/operations.md says what to do about batches that cannot be read.',
      cause,
    });
  }
}
