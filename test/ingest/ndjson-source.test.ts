import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/core/limits.js';
import { readLines } from '../../src/ingest/lines.js';
import { ndjsonFileSource, ndjsonStreamSource } from '../../src/ingest/ndjson-source.js';
import type { Delivery, SignalSource } from '../../src/ingest/signal-source.js';
import { EMPTY_CATALOGUE } from '../../src/signals/catalogue.js';

const NOW = Date.UTC(2025, 5, 1);
const options = { catalogue: EMPTY_CATALOGUE, clock: () => NOW };
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-ndjson-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const signal = (id: number) =>
  JSON.stringify({
    id: `e-${id}`,
    source: 's',
    type: 'usage.x',
    account_id: 'a',
    time: '2025-01-01T00:00:00Z',
  });

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function drain(source: SignalSource): Promise<Delivery[]> {
  const all: Delivery[] = [];
  await source.run(async (batch) => void all.push(...batch), new AbortController().signal);
  return all;
}

const told = ({ record, origin }: Delivery) =>
  `${origin.offset} ${record.kind === 'rejection' ? record.rejection.reason : record.kind}`;

describe('an NDJSON file', () => {
  const text = [
    signal(1),
    '',
    '{"type":"subscription.updated","account_id":"a","time":"2025-01-01T00:00:00Z"}\r',
    '{"type":"outcome.renewed","id":"o","source":"s","account_id":"a","time":"2025-01-01T00:00:00Z"}',
    '{"id":',
    '   ',
    signal(2),
  ].join('\n');
  const expected = ['1 signal', '3 subscription', '4 outcome', '5 not_json', '7 signal'];

  test('gives each line what it says it is, with the line as offset, and goes on after a bad one', async () => {
    const path = file('all.ndjson', text);
    const deliveries = await drain(ndjsonFileSource(path, options));
    expect(deliveries.map(told)).toEqual(expected);
    expect(deliveries[0]).toMatchObject({ origin: { topic: path, partition: -1 }, receivedAt: NOW });
  });

  test('is unpacked when it ends in .gz, members that were appended included', async () => {
    const packed = Buffer.concat([gzipSync(`${text.slice(0, 100)}`), gzipSync(text.slice(100))]);
    expect((await drain(ndjsonFileSource(file('all.ndjson.gz', packed), options))).map(told)).toEqual(
      expected,
    );
  });

  test('that is cut off within gzip fails with its name, after what could be read', async () => {
    const whole = gzipSync(Array.from({ length: 50_000 }, (_, i) => signal(i)).join('\n'));
    const path = file('cut.ndjson.gz', whole.subarray(0, whole.length - 20));
    let rows = 0;
    const run = ndjsonFileSource(path, { ...options, batchRows: 100 }).run(async (batch) => {
      rows += batch.length;
    }, new AbortController().signal);
    await expect(run).rejects.toMatchObject({ code: 'invalid_file', message: expect.stringContaining(path) });
    expect(rows).toBeGreaterThan(0);
  });

  test('that is missing is not found', async () => {
    const source = ndjsonFileSource(join(folder, 'none.ndjson'), options);
    await expect(drain(source)).rejects.toMatchObject({ code: 'not_found' });
  });

  test('with a line over the limit refuses that line, keeps its start, and reads on', async () => {
    const long = `${signal(1)}\n{"x":"${'x'.repeat(3 * LIMITS.messageBytes)}"}\n${signal(2)}\n`;
    const deliveries = await drain(ndjsonFileSource(file('long.ndjson', long), options));
    expect(deliveries.map(told)).toEqual(['1 signal', '2 too_large', '3 signal']);
    const { record } = deliveries[1]!;
    expect(record.kind === 'rejection' && record.rejection.raw.length).toBe(LIMITS.messageBytes);
  });
});

describe('batches', () => {
  const stream = (count: number) =>
    Readable.from(Array.from({ length: count }, (_, i) => Buffer.from(`${signal(i)}\n`)));

  test('are bounded in rows, in order, and at most one is under way', async () => {
    const ids: string[] = [];
    let underWay = 0;
    let most = 0;
    await ndjsonStreamSource('stdin', stream(95), { ...options, batchRows: 10 }).run(async (batch) => {
      most = Math.max(most, ++underWay);
      expect(batch.length).toBeLessThanOrEqual(10);
      await new Promise(setImmediate);
      for (const { record } of batch) if (record.kind === 'signal') ids.push(record.signal.id);
      underWay--;
    }, new AbortController().signal);
    expect(ids).toEqual(Array.from({ length: 95 }, (_, i) => `e-${i}`));
    expect(most).toBe(1);
  });

  test('a batch that can not be delivered fails the run, and nothing after the next is handed over', async () => {
    let calls = 0;
    const run = ndjsonStreamSource('stdin', stream(1_000), { ...options, batchRows: 10 }).run(async () => {
      calls++;
      throw new Error('store down');
    }, new AbortController().signal);
    await expect(run).rejects.toThrow('store down');
    expect(calls).toBe(1);
  });

  test('an abort ends a run that waits for input, after delivering what was read', async () => {
    const input = new PassThrough();
    const abort = new AbortController();
    const delivered: Delivery[] = [];
    input.write(`${signal(1)}\n`);
    await ndjsonStreamSource('stdin', input, { ...options, batchRows: 1 }).run(async (batch) => {
      delivered.push(...batch);
      setImmediate(() => abort.abort());
    }, abort.signal);
    expect(delivered.map(told)).toEqual(['1 signal']);
  });
});

test('lines are the same however the input is cut into pieces', async () => {
  const piece = fc.oneof(fc.constantFrom('\n', '\r\n', '\n\n', ''), fc.string({ maxLength: 5 }));
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece, { maxLength: 30 }),
      fc.array(fc.nat(9), { maxLength: 30 }),
      async (parts, cuts) => {
        const text = Buffer.from(parts.join(''));
        const pieces: Uint8Array[] = [];
        let at = 0;
        for (const cut of cuts) {
          pieces.push(text.subarray(at, at + cut));
          at += cut;
        }
        pieces.push(text.subarray(at));
        const lines: string[] = [];
        for await (const group of readLines(Readable.from(pieces), 100)) {
          for (const { number, bytes } of group) lines.push(`${number} ${Buffer.from(bytes).toString()}`);
        }
        const all = text.toString().split('\n');
        // What follows the last line end is a line only when it holds something.
        if (all.at(-1) === '') all.pop();
        expect(lines).toEqual(
          all.map((line, i) => `${i + 1} ${line.endsWith('\r') ? line.slice(0, -1) : line}`),
        );
      },
    ),
  );
});
