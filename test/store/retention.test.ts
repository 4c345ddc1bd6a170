import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { keptBy } from '../../src/cli/kept.js';
import { systemClock } from '../../src/core/clock.js';
import { readSettings } from '../../src/core/read-settings.js';
import { writeBatch } from '../../src/ingest/batch-writer.js';
import { ndjsonStreamSource } from '../../src/ingest/ndjson-source.js';
import { EMPTY_CATALOGUE } from '../../src/signals/catalogue.js';
import { isLow, lowDisks, readTableSizes } from '../../src/store/disk-space.js';
import { DiskWatch } from '../../src/store/disk-watch.js';
import { applyRetention, readTtls } from '../../src/store/retention.js';
import { tempStore } from '../support/temp-store.js';

let t: Awaited<ReturnType<typeof tempStore>>;
beforeAll(async () => {
  t = await tempStore();
});
afterAll(() => t.close());

const DAY = 86_400_000;
const signal = (id: string, daysAgo: number) =>
  JSON.stringify({
    id,
    source: 'app',
    type: 'usage.feature_used',
    account_id: 'a',
    time: new Date(Date.now() - daysAgo * DAY).toISOString(),
  });
async function ingest(...lines: string[]): Promise<void> {
  const options = { catalogue: EMPTY_CATALOGUE, clock: systemClock };
  const source = ndjsonStreamSource('test', Readable.from([Buffer.from(`${lines.join('\n')}\n`)]), options);
  await source.run(async (batch) => void (await writeBatch(t.store, batch)), new AbortController().signal);
}
const idsOf = async (sql: string) => (await t.store.rows<{ id: string }>(sql)).map(({ id }) => id);
const signals = () => idsOf('SELECT id FROM signals ORDER BY id');

it('leaves everything as it is unless settings say how long it is kept', async () => {
  const before = await readTtls(t.store);
  expect(await applyRetention(t.store, keptBy(readSettings({})))).toEqual([]);
  expect(await readTtls(t.store)).toEqual(before);
});

it('says of every kind for how long, once, and for ever again', async () => {
  const settings = (days: string) =>
    readSettings(
      Object.fromEntries(
        Object.keys(readSettings({}))
          .filter((name) => /^PERENNIAL_KEEP_/.test(name))
          .map((name) => [name, days]),
      ),
    );
  const tables = await applyRetention(t.store, keptBy(settings('5000')));
  expect(tables.sort()).toEqual([
    'decision_event_log',
    'moment_log',
    'record_index',
    'rejection_log',
    'risk_day_log',
    'run_decision_log',
    'run_log',
    'run_risk_log',
    'signal_log',
    'suppression_day_log',
  ]);
  expect((await readTtls(t.store)).get('signal_log')).toBe('occurred_at + toIntervalDay(5000)');
  // Nothing is changed, and no part written anew, by every process that starts.
  expect(await applyRetention(t.store, keptBy(settings('5000')))).toEqual([]);
  expect(await applyRetention(t.store, keptBy(settings('0')))).toHaveLength(tables.length);
  expect((await readTtls(t.store)).get('signal_log')).toBe('');
});

it('removes signals that are older, with what is known of their versions, and nothing of subscriptions', async () => {
  const contract = JSON.stringify({
    id: 'c',
    source: 'crm',
    type: 'subscription.updated',
    account_id: 'a',
    subscription_id: 'a-1',
    status: 'active',
    time: new Date(Date.now() - 300 * DAY).toISOString(),
  });
  await ingest(signal('new', 10), signal('old', 200), contract);
  expect(await signals()).toEqual(['new', 'old']);
  expect(await applyRetention(t.store, { signals: 100 })).toEqual(['signal_log', 'record_index']);
  await vi.waitFor(async () => expect(await signals()).toEqual(['new']), { timeout: 60_000, interval: 200 });
  const known = () =>
    t.store.rows(
      'SELECT of_signal AS signal, count() AS n FROM record_index GROUP BY signal ORDER BY signal',
    );
  await vi.waitFor(
    async () =>
      expect(await known()).toEqual([
        { signal: 0, n: 1 },
        { signal: 1, n: 1 },
      ]),
    { timeout: 60_000, interval: 200 },
  );
  expect(await idsOf('SELECT subscription_id AS id FROM subscriptions')).toEqual(['a-1']);
});

it('is refused for decision events that are not published yet, and for what is no number of days', () => {
  expect(() => readSettings({ PERENNIAL_KEEP_EVENTS_DAYS: '30' })).toThrow('PERENNIAL_KEEP_EVENTS_DAYS');
  expect(() => readSettings({ PERENNIAL_KEEP_SIGNALS_DAYS: '-1' })).toThrow('PERENNIAL_KEEP_SIGNALS_DAYS');
});

it('shows the room on the disks of the store, and who takes it', async () => {
  const seen = vi.fn();
  const watch = new DiskWatch(t.store, 100, seen);
  await watch.look();
  const [disks, tables] = seen.mock.calls[0]!;
  expect(disks).toEqual([
    {
      name: 'default',
      path: expect.any(String),
      freeBytes: expect.any(Number),
      totalBytes: expect.any(Number),
    },
  ]);
  expect(watch.fault()).toMatch(
    /^The store's disk is filling up: default \(.+\) has [\d.]+ \w+ free of [\d.]+ \w+, \d+ %\.$/,
  );
  expect(tables).toEqual(await readTableSizes(t.store));
  expect(tables.map(({ table }: { table: string }) => table)).toContain('signal_log');
});

it('calls a disk low by the share that is free', () => {
  const disk = { name: 'default', path: '/d', freeBytes: 9 * 1_024 ** 3, totalBytes: 100 * 1_024 ** 3 };
  expect(isLow(disk, 10)).toBe(true);
  expect(lowDisks([disk], 10)).toBe(
    "The store's disk is filling up: default (/d) has 9.0 GiB free of 100 GiB, 9 %.",
  );
  expect(lowDisks([disk], 9)).toBeUndefined();
  expect(lowDisks([{ ...disk, freeBytes: 0 }], 0)).toBeUndefined();
});
