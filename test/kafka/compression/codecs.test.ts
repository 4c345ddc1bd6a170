import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import kafkajs, { CompressionTypes, type KafkaMessage } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../../src/core/limits.js';
import { registerCodecs } from '../../../src/kafka/compression/codecs.js';
import { unreadableBatch } from '../../../src/kafka/compression/unreadable-batch.js';
import { fixture, messages } from './fixtures.js';

registerCodecs();
registerCodecs();

// What kafkajs decodes an answer with: nothing public does it without a broker.
const require = createRequire(import.meta.url);
const Decoder = require('kafkajs/src/protocol/decoder.js');
const decodeMessages = require('kafkajs/src/protocol/requests/fetch/v4/decodeMessages.js');

/** The messages of some batches in one answer. */
async function decode(...batches: Buffer[]): Promise<KafkaMessage[]> {
  const size = Buffer.alloc(4);
  size.writeInt32BE(batches.reduce((sum, { length }) => sum + length, 0));
  return decodeMessages(new Decoder(Buffer.concat([size, ...batches])));
}

const CODECS = ['gzip', 'snappy', 'lz4', 'zstd'] as const;
const SUM = { reason: expect.stringContaining('its checksum does not match'), offset: 0, nextOffset: 1_000 };
const changed = (batch: Buffer, change: (batch: Buffer) => void) => {
  const copy = Buffer.from(batch);
  change(copy);
  return copy;
};

describe.each(CODECS)('a batch in %s', (codec) => {
  const batch = fixture(`${codec}.batch`);

  it('of a Java producer is read', async () => {
    const read = await decode(batch);
    expect(read.map(({ value }) => value!.toString())).toEqual(messages);
    expect(read.map(({ key }) => key!.toString())).toEqual(messages.map((_, i) => `key-${i}`));
    expect(read.map(({ offset }) => Number(offset))).toEqual(messages.map((_, i) => i));
    expect(read.some((message) => unreadableBatch(message) !== undefined)).toBe(false);
  });

  it('with one bit turned over is not read: one stands in for each of its messages, up to its last offset', async () => {
    for (const at of [21, 61, 62, 70, batch.length >> 1, batch.length - 1]) {
      const read = await decode(changed(batch, (bytes) => (bytes[at]! ^= 1)));
      expect(read).toHaveLength(1_000);
      expect(read.map((message) => unreadableBatch(message))).toEqual(messages.map(() => SUM));
      expect(read.at(-1)!.offset).toBe('999');
      expect(unreadableBatch(read[0]!)!.reason).toContain(codec);
    }
  });

  it('with a damaged last offset is not passed over: what stands in for it does not lie before it', async () => {
    const read = await decode(changed(batch, (bytes) => bytes.fill(0xff, 23, 27)));
    expect(read.map(({ offset }) => offset)).toEqual(messages.map(() => '999'));
  });

  it('is read when the one before it is not', async () => {
    const damaged = changed(batch, (bytes) => bytes.fill(0xff, 100, 200));
    const read = await decode(damaged, batch);
    expect(read.map((message) => unreadableBatch(message) !== undefined)).toEqual(
      [true, false].flatMap((stood) => messages.map(() => stood)),
    );
    expect(read.slice(1_000).map(({ value }) => value!.toString())).toEqual(messages);
  });
});

/** A batch whose records are these bytes, with a checksum that matches. */
function batchOf(codec: CompressionTypes, packed: Buffer, count = 1): Buffer {
  const CRC32C = require('crc-32/crc32c.js');
  const header = Buffer.alloc(61);
  header.writeInt32BE(header.length + packed.length - 12, 8);
  header.writeInt8(2, 16);
  header.writeInt16BE(codec, 21);
  header.writeInt32BE(count - 1, 23);
  header.writeInt32BE(count, 57);
  const batch = Buffer.concat([header, packed]);
  batch.writeInt32BE(CRC32C.buf(batch.subarray(21)), 17);
  return batch;
}

describe('a batch that is not what a producer should send', () => {
  it('is not read when it unpacks to more than is allowed', async () => {
    const bomb = batchOf(CompressionTypes.GZIP, gzipSync(Buffer.alloc(LIMITS.kafkaUnpackedBytes + 1)));
    expect(unreadableBatch((await decode(bomb))[0]!)!.reason).toContain('more than is allowed');
  });

  it('is not read when it unpacks to more than is allowed together with the others of the answer', async () => {
    const records = Buffer.alloc(LIMITS.kafkaUnpackedBytes * 0.6);
    // One record of nothing but zeros: its length, and the length of its value.
    const half = batchOf(CompressionTypes.GZIP, gzipSync(recordOf(records)));
    const [first, second] = await decode(half, half);
    expect(first!.value).toHaveLength(records.length);
    expect(unreadableBatch(first!)).toBeUndefined();
    expect(unreadableBatch(second!)!.reason).toContain('more than is allowed');
    expect(unreadableBatch((await decode(half))[0]!)).toBeUndefined();
  });

  it.each([
    ['gzip', CompressionTypes.GZIP, 'incorrect header check'],
    ['snappy', CompressionTypes.Snappy, 'it is no snappy block'],
    ['lz4', CompressionTypes.LZ4, 'it holds no LZ4 frame'],
    ['zstd', CompressionTypes.ZSTD, 'it is damaged, or unpacks to more than is allowed'],
  ])('is not read when it is no %s', async (_name, codec, reason) => {
    const read = await decode(batchOf(codec, Buffer.alloc(100, 0xff)));
    expect(unreadableBatch(read[0]!)!.reason).toContain(reason);
  });

  it('fails the fetch when it has more messages than kafkajs can pass on', async () => {
    const batch = batchOf(CompressionTypes.ZSTD, Buffer.alloc(10), LIMITS.kafkaBatchMessages + 1);
    await expect(decode(batch)).rejects.toThrow(
      "a batch in zstd can't be read: it has 100001 messages, more than 100000, at offsets 0 to 100000.",
    );
  });
});

it('as many messages as a batch may have are passed on by kafkajs', async () => {
  const record = recordOf(Buffer.from('x'));
  const count = LIMITS.kafkaBatchMessages;
  const packed = gzipSync(Buffer.alloc(record.length * count, record));
  expect(await decode(batchOf(CompressionTypes.GZIP, packed, count))).toHaveLength(count);
});

it('fails the fetch when a batch in the format of before Kafka 0.11 cannot be unpacked', async () => {
  const codec = kafkajs.CompressionCodecs[CompressionTypes.Snappy]();
  await expect(codec.decompress(Buffer.alloc(100, 0xff))).rejects.toThrow(
    "Kafka: a batch in snappy can't be read: it is no snappy block.",
  );
});

/** A record with this value, and nothing else. */
function recordOf(value: Buffer): Buffer {
  const before = Buffer.from([0, 0, 0, 1, ...varint(value.length)]);
  const record = Buffer.concat([before, value, Buffer.from([0])]);
  return Buffer.concat([Buffer.from(varint(record.length)), record]);
}

function varint(length: number): number[] {
  const bytes: number[] = [];
  let rest = length * 2;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return [...bytes, rest];
}
