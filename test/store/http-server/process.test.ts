import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { verifyPassword } from '../../../src/store/http-server/password.js';

/** As `npm test` has built it. */
const PERENNIAL = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));

interface Served {
  readonly process: ChildProcess;
  readonly url: string;
  readonly client: ClickHouseClient;
  readonly exited: Promise<unknown[]>;
}

let dataDir: string;
let started: Served[];
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'perennial-process-'));
  started = [];
});
afterEach(async () => {
  for (const one of started) {
    one.process.kill('SIGKILL');
    await one.exited;
    await one.client.close();
  }
  rmSync(dataDir, { recursive: true, force: true });
});

async function serve(...more: string[]): Promise<Served> {
  const args = [PERENNIAL, 'clickhouse', '--data', dataDir, '--listen', '127.0.0.1:0', '--json', ...more];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const [line] = (await once(child.stdout!, 'data')) as [Buffer];
  const { url } = JSON.parse(line.toString()) as { url: string };
  const client = createClient({ url, request_timeout: 60_000, log: { level: ClickHouseLogLevel.OFF } });
  const one = { process: child, url, client, exited };
  started.push(one);
  return one;
}

async function rows<T>(served: Served, query: string): Promise<T[]> {
  return await (await served.client.query({ query, format: 'JSONEachRow' })).json<T>();
}

describe('perennial clickhouse', () => {
  // Bug: while a supervisor held its standard input open no INSERT with rows ended, and what came there was taken for rows.
  it('leaves its standard input alone', async () => {
    const served = await serve();
    served.process.stdin!.on('error', () => {});
    served.process.stdin!.write('no rows\n');
    await served.client.command({ query: 'CREATE TABLE t (id UInt64) ENGINE = MergeTree ORDER BY id' });
    await served.client.insert({ table: 't', values: [{ id: 1 }, { id: 2 }], format: 'JSONEachRow' });
    expect(await rows(served, 'SELECT id FROM t ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }]);
  });

  it('keeps every acknowledged insert through kill -9, and cleans up after itself', async () => {
    let served = await serve();
    await served.client.command({
      query: 'CREATE TABLE t (id UInt64, batch UInt64) ENGINE = MergeTree ORDER BY id',
    });
    const acknowledged = new Set<number>();
    const killAfter = 30;
    const write = async (from: number) => {
      for (let batch = from; ; batch += 2) {
        const values = Array.from({ length: 100 }, (_, i) => ({ id: batch * 100 + i, batch }));
        await served.client.insert({ table: 't', values, format: 'JSONEachRow' });
        acknowledged.add(batch);
        if (acknowledged.size === killAfter) served.process.kill('SIGKILL');
      }
    };
    await Promise.allSettled([write(0), write(1)]);
    await served.exited;
    expect(acknowledged.size).toBeGreaterThanOrEqual(killAfter);

    served = await serve();
    const stored = await rows<{ batch: number; n: number }>(
      served,
      'SELECT toUInt32(batch) AS batch, toUInt32(count()) AS n FROM t GROUP BY batch',
    );
    const whole = new Set(stored.filter((row) => row.n === 100).map((row) => row.batch));
    expect([...acknowledged].filter((batch) => !whole.has(batch))).toEqual([]);
    // A batch that nobody acknowledged is there as a whole or not at all.
    expect(stored.filter((row) => row.n !== 100)).toEqual([]);
    const spools = readdirSync(join(dataDir, 'http-spool'));
    expect(spools).toHaveLength(1);
    await expect.poll(() => readdirSync(join(dataDir, 'http-spool', spools[0]!))).toEqual([]);
  });

  it('lets what runs end on SIGTERM, takes nothing new, and exits with 0', async () => {
    const served = await serve();
    const slow = rows(
      served,
      'SELECT sum(sleepEachRow(0.5)) AS slept FROM numbers(2) SETTINGS max_block_size = 1',
    );
    const running =
      "SELECT count() AS n FROM system.processes WHERE query LIKE '%sleepEach%' AND Settings['log_comment'] != ''";
    await expect
      .poll(async () => (await rows<{ n: number }>(served, running))[0]!.n, { interval: 20 })
      .toBe(2);
    served.process.kill('SIGTERM');
    expect(await slow).toEqual([{ slept: 0 }]);
    expect(await served.exited).toEqual([0, null]);
    await expect(rows(served, 'SELECT 1')).rejects.toThrow(/ECONNREFUSED|socket/);
  });

  it('says that another process holds the data directory', async () => {
    await serve();
    const args = [PERENNIAL, 'clickhouse', '--data', dataDir, '--listen', '127.0.0.1:0'];
    const second = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let errors = '';
    second.stderr.on('data', (part) => {
      errors += part;
    });
    expect(await once(second, 'close')).toEqual([5, null]);
    expect(errors).toContain(dataDir);
    expect(errors).toMatch(/One process at a time.*\n?/);
  });

  it('passes far more than it holds, in and out', async () => {
    const served = await serve();
    await served.client.command({
      query: 'CREATE TABLE t (id UInt64, filler String) ENGINE = Null',
    });
    const memory = () => Number(execFileSync('ps', ['-o', 'rss=', '-p', String(served.process.pid)])) * 1_024;
    // The engine's own blocks and threads are kept small: what the server does with bytes is in question here.
    const lean = {
      max_block_size: '4096',
      max_insert_block_size: '4096',
      min_insert_block_size_bytes: '4000000',
      min_insert_block_size_rows: '4096',
      input_format_parallel_parsing: 0,
      output_format_parallel_formatting: 0,
      max_threads: 1,
    } as const;
    const settings = new URLSearchParams();
    for (const [name, value] of Object.entries(lean)) settings.set(name, String(value));
    const MB = 1_000_000;
    const piece = Buffer.from(`1,${'x'.repeat(998)}\n`.repeat(1_000));
    const send = async (bytes: number) => {
      const parts = Array.from({ length: bytes / MB }, () => piece);
      const query = encodeURIComponent('INSERT INTO t FORMAT CSV');
      const sender = request(`${served.url}/?query=${query}&${settings}`, { method: 'POST' });
      const answered = once(sender, 'response') as Promise<[IncomingMessage]>;
      await pipeline(Readable.from(parts), sender);
      const [answer] = await answered;
      answer.resume();
      expect(answer.statusCode).toBe(200);
    };
    const receive = async (bytes: number) => {
      const result = await served.client.exec({
        query: `SELECT 1, repeat('x', 998) FROM numbers(${bytes / 1_000}) FORMAT CSV`,
        clickhouse_settings: lean,
      });
      let received = 0;
      for await (const part of result.stream) received += (part as Buffer).length;
      expect(received).toBeGreaterThanOrEqual(bytes);
    };
    // What Node lets lie before it collects differs by its version; from then on memory is flat.
    await send(60 * MB);
    await receive(60 * MB);
    const before = memory();
    let peak = before;
    const sampler = setInterval(() => {
      peak = Math.max(peak, memory());
    }, 100);
    try {
      await send(250 * MB);
      await receive(250 * MB);
      expect(peak - before).toBeLessThan(125 * MB);
    } finally {
      clearInterval(sampler);
    }
  });

  it('hashes a password for the users file', async () => {
    const child = spawn(process.execPath, [PERENNIAL, 'clickhouse', 'hash-password'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    child.stdin.end('secret\n');
    let hash = '';
    for await (const part of child.stdout) hash += part;
    expect(await verifyPassword('secret', hash.trim())).toBe(true);
  });
});
