import CRC32C from 'crc-32/crc32c.js';
import { unpackGzip } from '../compression/gzip.js';
import { unpackLz4 } from '../compression/lz4.js';
import { unpackSnappy } from '../compression/snappy.js';
import { tooLarge, type Unpack } from '../compression/unpack.js';
import { unpackZstd } from '../compression/zstd.js';
import { BATCH_HEADER, type BatchHeader, RecordBatch } from './record-batch.js';

/** By their number in the attributes of a batch. */
const CODECS: readonly (readonly [name: string, unpack: Unpack])[] = [
  ['no compression', (packed) => packed],
  ['gzip', unpackGzip],
  ['snappy', unpackSnappy],
  ['lz4', unpackLz4],
  ['zstd', unpackZstd],
];
/** The checksum begins with the attributes. */
const CHECKED_FROM = 21;

/**
 * The batch with this header, which begins at this place, unpacked to at most `limit` bytes; or why it can't be. Never throws: one
 * batch must not take those of other partitions with it, which came in the same answer.
 */
export async function unpackRecords(
  bytes: Buffer,
  at: number,
  header: BatchHeader,
  limit: number,
): Promise<RecordBatch> {
  const end = at + header.bytes;
  const [name, unpack] = CODECS[header.codec] ?? [`compression ${header.codec}`, undefined];
  try {
    if (unpack === undefined) throw new Error('there is no such compression');
    // Of what is not packed the lengths say enough, and what is in it is judged message by message.
    if (header.codec !== 0 && CRC32C.buf(bytes.subarray(at + CHECKED_FROM, end)) !== header.checksum)
      throw new Error('its checksum does not match');
    if (header.codec !== 0 && limit <= 0) throw tooLarge();
    return new RecordBatch(header, await unpack(bytes.subarray(at + BATCH_HEADER, end), limit));
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    return new RecordBatch(header, `a batch in ${name} can't be read: ${reason}`);
  }
}
