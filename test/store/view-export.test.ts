import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openStore } from '../../src/store/open-store.js';
import type { Store } from '../../src/store/store.js';
import { type ExportOptions, exportView } from '../../src/store/view-export.js';

const directory = mkdtempSync(join(tmpdir(), 'perennial-export-'));
let store: Store;
let out: string;
beforeAll(async () => {
  store = await openStore({ dataDir: join(directory, 'data') });
  await store.command(
    "CREATE TABLE facts_log (n UInt32, stored_at DateTime64(3, 'UTC')) ENGINE = ReplacingMergeTree(stored_at) ORDER BY n",
  );
  await store.command('CREATE VIEW facts AS SELECT n, stored_at FROM facts_log FINAL');
  await store.command('CREATE VIEW sums AS SELECT count() AS facts, sum(n) AS n FROM facts');
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});
beforeEach(async () => {
  out = mkdtempSync(join(directory, 'out-'));
  await store.command('TRUNCATE TABLE facts_log');
});

/** Facts from one number to another, stored at a time or now. */
const storeFacts = (from: number, to: number, at = "now64(3, 'UTC')") =>
  store.command(`INSERT INTO facts_log SELECT number, ${at} FROM numbers(${from}, ${to - from})`);

async function run(options: Partial<ExportOptions> = {}): Promise<{ file: string; rows: number }[]> {
  const files: { file: string; rows: number }[] = [];
  const all = {
    view: 'facts',
    directory: out,
    format: 'Parquet',
    by: 'month',
    settleSeconds: 0,
    ...options,
  } as const;
  for await (const { file, rows } of exportView(store, all))
    files.push({ file: file.slice(out.length + 1).replace(/\d{8}T\d{9}/g, 'T'), rows });
  return files;
}
const inFiles = (glob = 'facts/*/*.parquet') =>
  store.rows<{ n: number; rows: number }>(
    `SELECT n, count() AS rows FROM file('${out}/${glob}') GROUP BY n ORDER BY n`,
  );
const months = () => readdirSync(join(out, 'facts')).sort();

describe('a view with stored_at', () => {
  it('is exported by month or by day, and then only what was stored since', async () => {
    await storeFacts(0, 10, "'2026-01-31 23:59:59.999'");
    await storeFacts(10, 30, "'2026-02-01 00:00:00.000'");
    expect(await run()).toEqual([
      { file: 'facts/2026-01/facts-T-T.parquet', rows: 10 },
      { file: 'facts/2026-02/facts-T-T.parquet', rows: 20 },
    ]);
    expect(await run()).toEqual([]);
    await storeFacts(100, 103);
    await storeFacts(5, 6);
    const month = new Date().toISOString().slice(0, 7);
    expect(await run()).toEqual([{ file: `facts/${month}/facts-T-T.parquet`, rows: 4 }]);
    const rows = await inFiles();
    expect(rows).toHaveLength(33);
    // What was corrected comes again, and nothing else does.
    expect(rows.filter((row) => row.rows !== 1)).toEqual([{ n: 5, rows: 2 }]);
    const days = mkdtempSync(join(directory, 'days-'));
    expect((await run({ directory: days, by: 'day', format: 'CSVWithNames' })).length).toBe(3);
    expect(readdirSync(join(days, 'facts', '2026-01-31'))[0]).toMatch(/\.csv$/);
  });

  it('leaves rows that may not have settled to the next run', async () => {
    await storeFacts(0, 5);
    expect(await run({ settleSeconds: 3600 })).toEqual([]);
    expect(await run()).toMatchObject([{ rows: 5 }]);
  });

  it('exported again after it died writes the same files, whatever has come since', async () => {
    await storeFacts(0, 10, "'2026-01-01 00:00:00'");
    await storeFacts(10, 20, "'2026-02-01 00:00:00'");
    const stop = new AbortController();
    const files = exportView(store, {
      view: 'facts',
      directory: out,
      format: 'Parquet',
      by: 'month',
      settleSeconds: 0,
      signal: stop.signal,
    });
    const first = (await files.next()).value as { file: string };
    const content = readFileSync(first.file);
    stop.abort();
    await expect(files.next()).rejects.toMatchObject({ code: 'cancelled' });
    expect(JSON.parse(readFileSync(join(out, 'facts/cursor.json'), 'utf8'))).toMatchObject({
      exporting_until: expect.any(String),
    });
    await storeFacts(20, 30);
    expect(await run()).toMatchObject([{ rows: 10 }, { rows: 10 }]);
    expect(readFileSync(first.file)).toEqual(content);
    expect(await run()).toMatchObject([{ rows: 10 }]);
    expect((await inFiles()).filter(({ rows }) => rows !== 1)).toEqual([]);
    expect(await inFiles()).toHaveLength(30);
  });

  it('leaves no half file, and says which file can not be written', async () => {
    await storeFacts(0, 10, "'2026-01-01 00:00:00'");
    await storeFacts(10, 20, "'2026-02-01 00:00:00'");
    await expect(run({ format: 'NoSuchFormat' })).rejects.toMatchObject({ code: 'invalid_argument' });
    expect(
      months().flatMap((month) => (month === 'cursor.json' ? [] : readdirSync(join(out, 'facts', month)))),
    ).toEqual([]);
    rmSync(out, { recursive: true });
    await expect(run({ directory: '/dev/full' })).rejects.toMatchObject({
      code: 'failed_precondition',
      message: expect.stringContaining('/dev/full/facts'),
    });
  });

  it('is not mixed with an export of another kind', async () => {
    await storeFacts(0, 10);
    await run();
    await expect(run({ by: 'day' })).rejects.toMatchObject({
      code: 'failed_precondition',
      message: expect.stringContaining('by month'),
    });
  });
});

it('a view without stored_at is one file, which is replaced', async () => {
  await storeFacts(0, 10);
  expect(await run({ view: 'sums' })).toEqual([{ file: 'sums/sums.parquet', rows: 1 }]);
  await storeFacts(10, 20);
  await run({ view: 'sums' });
  expect(await inFiles('sums/sums.parquet')).toEqual([{ n: 190, rows: 1 }]);
  expect(existsSync(join(out, 'sums/cursor.json'))).toBe(false);
});

// Bug: a contract that had moved away or come to its end stayed in the warehouse as it was: its row goes without being stored again.
it('subscriptions are one file too: their rows change and go as time passes', async () => {
  await store.command('CREATE VIEW subscriptions AS SELECT n, stored_at FROM facts_log FINAL WHERE n < 5');
  await storeFacts(0, 10);
  expect(await run({ view: 'subscriptions' })).toEqual([
    { file: 'subscriptions/subscriptions.parquet', rows: 5 },
  ]);
  await store.command(
    'CREATE OR REPLACE VIEW subscriptions AS SELECT n, stored_at FROM facts_log FINAL WHERE n < 3',
  );
  expect(await run({ view: 'subscriptions' })).toEqual([
    { file: 'subscriptions/subscriptions.parquet', rows: 3 },
  ]);
  await store.command('DROP VIEW subscriptions');
});

it('what is no view is named, with those that are there', async () => {
  await expect(run({ view: 'nothing' })).rejects.toMatchObject({
    code: 'not_found',
    hint: expect.stringContaining('facts, sums'),
  });
});
