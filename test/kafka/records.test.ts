import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { CompressionTypes } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/core/limits.js';
import { incomingMessage } from '../../src/kafka/feed/incoming-message.js';
import { readFetchResponse } from '../../src/kafka/records/fetch-response.js';
import type { RecordBatch } from '../../src/kafka/records/record-batch.js';
import { RecordCursor } from '../../src/kafka/records/record-cursor.js';
import { fixture, messages } from './compression/fixtures.js';

// What kafkajs writes a batch with: nothing public does it without a broker.
const require = createRequire(import.meta.url);
const CRC32C = require('crc-32/crc32c.js');
const encodeBatch = require('kafkajs/src/protocol/recordBatch/v0/index.js').RecordBatch;
const encodeRecord = require('kafkajs/src/protocol/recordBatch/record/v0/index.js');

const int = (bytes: 2 | 4, value: number) => {
  const buffer = Buffer.alloc(bytes);
  buffer.writeIntBE(value, 0, bytes);
  return buffer;
};
const long = (value: bigint) => {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64BE(value);
  return buffer;
};

/** The batches of an answer that has these bytes for the one partition of topic "t". */
async function read(...batches: Buffer[]): Promise<readonly RecordBatch[]> {
  const records = Buffer.concat(batches);
  const partition = [
    int(4, 3),
    int(2, 0),
    long(9n),
    long(7n),
    long(1n),
    int(4, 1),
    long(42n),
    long(5n),
    int(4, -1),
  ];
  const answer = [
    int(4, 0),
    int(2, 0),
    int(4, 0),
    int(4, 1),
    int(2, 1),
    Buffer.from('t'),
    int(4, 1),
    ...partition,
  ];
  const { responses } = await readFetchResponse(Buffer.concat([...answer, int(4, records.length), records]));
  expect(responses[0]).toMatchObject({
    topicName: 't',
    partitions: [
      {
        partition: 3,
        highWatermark: '9',
        lastStableOffset: '7',
        lastStartOffset: '1',
        abortedTransactions: [{ producerId: '42', firstOffset: '5' }],
        preferredReadReplica: -1,
      },
    ],
  });
  return responses[0]!.partitions[0]!.messages.map(({ batch }) => batch);
}

function recordsOf(batch: RecordBatch) {
  const cursor = new RecordCursor(batch);
  const found = [];
  while (cursor.next())
    found.push({
      offset: cursor.offset,
      timestamp: cursor.timestamp,
      key: cursor.key()?.toString() ?? null,
      value: cursor.valueStart < 0 ? null : cursor.bytes.toString('utf8', cursor.valueStart, cursor.valueEnd),
      headers: cursor.headers().map(({ name, value }) => [name, value?.toString() ?? null]),
    });
  return found;
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
    const [one] = await read(batch);
    const records = recordsOf(one!);
    expect(records.map(({ value }) => value)).toEqual(messages);
    expect(records.map(({ key }) => key)).toEqual(messages.map((_, i) => `key-${i}`));
    expect(records.map(({ offset }) => offset)).toEqual(messages.map((_, i) => i));
    expect(records.map(({ timestamp }) => timestamp)).toEqual(messages.map((_, i) => 1_700_000_000_000 + i));
  });

  it('with one bit turned over is not read, and says up to which offset', async () => {
    for (const at of [21, 61, 62, 70, batch.length >> 1, batch.length - 1]) {
      const [one] = await read(changed(batch, (bytes) => (bytes[at]! ^= 1)));
      expect(one!.unreadable).toEqual(SUM);
      expect(one!.header.lastOffset).toBe(999);
      if (at > 22) expect(one!.unreadable!.reason).toContain(codec);
    }
  });

  it('with a damaged last offset is not passed over: it does not end before its messages', async () => {
    const [one] = await read(changed(batch, (bytes) => bytes.fill(0xff, 23, 27)));
    expect(one!.header.lastOffset).toBe(999);
  });

  it('is read when the one before it is not', async () => {
    const damaged = changed(batch, (bytes) => bytes.fill(0xff, 100, 200));
    const [first, second] = await read(damaged, batch);
    expect(first!.unreadable).toBeDefined();
    expect(recordsOf(second!).map(({ value }) => value)).toEqual(messages);
  });
});

it('a batch that the answer has only in part is left for the next answer', async () => {
  const batch = fixture('zstd.batch');
  for (const left of [1, 17, 60, 61, batch.length - 1])
    expect(await read(batch, batch.subarray(0, left))).toHaveLength(1);
});

/** A batch whose records are these bytes, with a checksum that matches. */
function batchOf(codec: CompressionTypes, packed: Buffer, count = 1): Buffer {
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
  const reasonOf = async (...batches: Buffer[]) => (await read(...batches)).at(-1)!.unreadable?.reason;

  it('is not read when it unpacks to more than is allowed', async () => {
    const bomb = batchOf(CompressionTypes.GZIP, gzipSync(Buffer.alloc(LIMITS.kafkaUnpackedBytes + 1)));
    expect(await reasonOf(bomb)).toContain('more than is allowed');
  });

  it('is not read when it unpacks to more than is allowed together with the others of the answer', async () => {
    const half = batchOf(CompressionTypes.GZIP, gzipSync(Buffer.alloc(LIMITS.kafkaUnpackedBytes * 0.6)));
    expect(await reasonOf(half)).toBeUndefined();
    expect(await reasonOf(half, half)).toContain('more than is allowed');
  });

  it.each([
    ['gzip', CompressionTypes.GZIP, 'incorrect header check'],
    ['snappy', CompressionTypes.Snappy, 'it is no snappy block'],
    ['lz4', CompressionTypes.LZ4, 'it holds no LZ4 frame'],
    ['zstd', CompressionTypes.ZSTD, 'it is damaged, or unpacks to more than is allowed'],
    ['compression that there is', 7 as CompressionTypes, 'there is no such compression'],
  ])('is not read when it is no %s', async (_name, codec, reason) => {
    expect(await reasonOf(batchOf(codec, Buffer.alloc(100, 0xff)))).toContain(reason);
  });
});

const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const record = fc.record({
  key: fc.option(text),
  value: fc.option(text),
  timestamp: fc.integer({ min: 0, max: 2 ** 45 }),
  headers: fc.dictionary(
    text.filter((name) => name !== '__proto__'),
    text,
    { maxKeys: 4 },
  ),
});

describe('records', () => {
  it('are read as kafkajs writes them, whatever is in them', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 20 }), async (written) => {
        const records = written.map(({ key, value, timestamp, headers }, i) =>
          encodeRecord({
            offsetDelta: 3 * i,
            timestampDelta: timestamp - 1_000_000,
            key: key === null ? null : Buffer.from(key),
            value: value === null ? null : Buffer.from(value),
            headers,
          }),
        );
        const { buffer } = await encodeBatch({
          firstTimestamp: 1_000_000,
          maxTimestamp: 1_000_000,
          lastOffsetDelta: 3 * written.length,
          records,
        });
        const [batch] = await read(buffer);
        expect(recordsOf(batch!)).toEqual(
          written.map(({ key, value, timestamp, headers }, i) => ({
            offset: 3 * i,
            timestamp,
            key,
            value,
            headers: Object.entries(headers),
          })),
        );
        expect(batch!.header.lastOffset).toBe(3 * written.length);
      }),
      { numRuns: 200 },
    );
  });

  it('that are damaged anywhere give other records or a sentence, and never anything else', async () => {
    const whole = (await read(fixture('gzip.batch')))[0]!;
    const bytes = fc.array(fc.tuple(fc.nat({ max: 5_000 }), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(bytes, (changes) => {
        const records = Buffer.from(whole.records);
        for (const [at, byte] of changes) records[at] = byte;
        try {
          recordsOf({ ...whole, records, header: whole.header, unreadable: undefined });
        } catch (error) {
          expect((error as Error).message).toBe('the lengths of its records lead out of it');
        }
      }),
      { numRuns: 500 },
    );
  });

  // Bug: at a machine whose clock was two days behind, all that came was signed by that clock, and signals were of the future.
  it('have the time of the broker, where it gives them one, whatever the clock of this machine says', async () => {
    const { buffer } = await encodeBatch({
      firstTimestamp: 1_700_000_000_000,
      maxTimestamp: 1_700_000_000_000,
      lastOffsetDelta: 0,
      records: [encodeRecord({ key: null, value: Buffer.from('x'), headers: {} })],
    });
    const receivedAt = async (attributes: number, clock: number) => {
      const bytes = Buffer.from(buffer);
      bytes.writeInt16BE(attributes, 21);
      bytes.writeInt32BE(CRC32C.buf(bytes.subarray(21)), 17);
      const [batch] = await read(bytes);
      const cursor = new RecordCursor(batch!);
      cursor.next();
      return incomingMessage('t', 0, cursor, () => clock).receivedAt;
    };
    const behind = 1_700_000_000_000 - 2 * 86_400_000;
    expect(await receivedAt(8, behind)).toBe(1_700_000_000_000);
    expect(await receivedAt(0, behind)).toBe(behind);
  });

  // Bug: kafkajs copies all headers for each header; a message of one megabyte of them took a quarter of an hour.
  it('with as many headers as fit into a message are read in time', async () => {
    const headers = Object.fromEntries(Array.from({ length: 120_000 }, (_, i) => [i.toString(36), '']));
    const { buffer } = await encodeBatch({
      firstTimestamp: 0,
      maxTimestamp: 0,
      lastOffsetDelta: 0,
      records: [encodeRecord({ key: null, value: Buffer.from('x'), headers: { ...headers, ce_id: 'last' } })],
    });
    const [batch] = await read(buffer);
    const began = performance.now();
    const cursor = new RecordCursor(batch!);
    cursor.next();
    const message = incomingMessage('t', 0, cursor, () => 0);
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(message.headers.ce_id?.toString()).toBe('last');
    expect(Object.keys(message.allHeaders)).toHaveLength(1_000);
  });
});
