import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DAY_MS } from '../../src/core/clock.js';
import { dateTime64 } from '../../src/core/sql-time.js';
import { heldAt } from '../../src/features/held.js';
import { writeBatch } from '../../src/ingest/batch-writer.js';
import type { Delivery } from '../../src/ingest/signal-source.js';
import type { Signal } from '../../src/signals/signal.js';
import {
  type Outcome,
  type Subscription,
  UNKNOWN_CONTRACT,
  UNKNOWN_OUTCOME,
} from '../../src/signals/subscription.js';
import type { Store } from '../../src/store/store.js';
import { tempStore } from '../support/temp-store.js';

const T = Date.UTC(2026, 2, 1, 12);

let store: Store;
let close: () => Promise<void>;
beforeAll(async () => ({ store, close } = await tempStore()));
afterAll(() => close());

function signal(id: string, more: Partial<Signal> = {}): Signal {
  return {
    source: 'app',
    id,
    category: 'support',
    type: 'csat_response',
    accountId: 'acme',
    subscriptionId: '',
    occurredAt: T - DAY_MS,
    value: 3,
    attributes: {},
    ...more,
  };
}

function subscription(more: Partial<Subscription> = {}): Subscription {
  return {
    accountId: 'acme',
    subscriptionId: 'main',
    occurredAt: T - DAY_MS,
    ...UNKNOWN_CONTRACT,
    status: 'active',
    seats: 1,
    ...more,
  };
}

function outcome(id: string, more: Partial<Outcome> = {}): Outcome {
  return {
    source: 'crm',
    id,
    accountId: 'acme',
    subscriptionId: 'main',
    kind: 'renewed',
    occurredAt: T - DAY_MS,
    ...UNKNOWN_OUTCOME,
    ...more,
  };
}

const of = (record: Delivery['record'], receivedAt = T, more: Partial<Delivery> = {}): Delivery => ({
  record,
  origin: { topic: 'file', partition: -1, offset: 1 },
  receivedAt,
  ...more,
});
const ofSignal = (value: Signal, receivedAt = T, more: Partial<Delivery> = {}) =>
  of({ kind: 'signal', signal: value }, receivedAt, more);

/** What the view shows of a record. */
const shown = (view: string, columns: string, where: string) =>
  store.rows(`SELECT ${columns} FROM ${view} WHERE ${where} ORDER BY ALL`);

/** What was known of a record at a time. */
const knownAt = (id: string, time: number) =>
  store.rows(
    `SELECT value FROM signal_log FINAL WHERE id = {id:String} AND ${heldAt("{time:DateTime64(3, 'UTC')}")}`,
    { id, time: dateTime64(time) },
  );

describe('of two records with one identity', () => {
  test('equal contents are a repeat, and the first arrival is kept', async () => {
    const first = await writeBatch(store, [ofSignal(signal('repeat'), T + 5)]);
    expect(first.signals).toEqual({ new: 1, same: 0, corrected: 0, retracted: 0 });
    for (const at of [T + 9, T])
      expect((await writeBatch(store, [ofSignal(signal('repeat'), at)])).signals.same).toBe(1);
    expect(await shown('signals', 'toUnixTimestamp64Milli(received_at) AS at', "id = 'repeat'")).toEqual([
      { at: T },
    ]);
  });

  test('different contents are a correction, and the later arrival holds, in whatever order they are read', async () => {
    for (const order of [
      [1, 2, 3],
      [3, 1, 2],
    ]) {
      const id = `order-${order.join('')}`;
      for (const value of order) await writeBatch(store, [ofSignal(signal(id, { value }), T + value)]);
      expect(await shown('signals', 'value', `id = '${id}'`)).toEqual([{ value: 3 }]);
      for (const value of [1, 2, 3]) expect(await knownAt(id, T + value)).toEqual([{ value }]);
    }
  });

  test('all 100 of 100 corrected scores hold, and all 100 corrected contracts of one time', async () => {
    const scores = (value: number) =>
      Array.from({ length: 100 }, (_, i) => ofSignal(signal(`csat-${i}`, { value }), T));
    const contracts = (seats: number) =>
      Array.from({ length: 100 }, (_, i) =>
        of({ kind: 'subscription', subscription: subscription({ subscriptionId: `c-${i}`, seats }) }),
      );
    await writeBatch(store, [...scores(2), ...contracts(5)]);
    const written = await writeBatch(store, [...scores(4), ...contracts(7)]);
    expect(written.signals.corrected + written.subscriptions.corrected).toBe(200);
    expect(await shown('signals', 'count() AS n, sum(value) AS sum', "id LIKE 'csat-%'")).toEqual([
      { n: 100, sum: 400 },
    ]);
    expect(
      await shown('subscriptions', 'count() AS n, sum(seats) AS sum', "subscription_id LIKE 'c-%'"),
    ).toEqual([{ n: 100, sum: 700 }]);
  });

  test('what became of each delivery of a mixed batch is said in the order of the deliveries', async () => {
    const contract = (seats: number) =>
      of({ kind: 'subscription', subscription: subscription({ subscriptionId: 'fate-c', seats }) });
    const rejection = { reason: 'not_json', detail: '', field: '', id: '', raw: Buffer.from('{') } as const;
    await writeBatch(store, [ofSignal(signal('fate-1')), ofSignal(signal('fate-2')), contract(5)]);
    const batch = [
      ofSignal(signal('fate-1', { value: 9 })),
      of({ kind: 'rejection', rejection }),
      contract(5),
      of({ kind: 'outcome', outcome: outcome('fate-o') }),
      ofSignal(signal('fate-2')),
      contract(6),
      ofSignal(signal('fate-3')),
      ofSignal(signal('fate-3')),
    ];
    expect((await writeBatch(store, batch)).fates).toEqual([
      ...['corrected', 'rejected', 'same', 'new', 'same', 'corrected', 'new', 'same'],
    ]);
    expect((await writeBatch(store, batch)).fates).toEqual([
      ...['same', 'rejected', 'corrected', 'same', 'same', 'corrected', 'same', 'same'],
    ]);
  });

  test('an outcome is corrected too', async () => {
    const say = (arrAfterMinor: number) =>
      writeBatch(store, [of({ kind: 'outcome', outcome: outcome('o-1', { arrAfterMinor }) })]);
    await say(100);
    expect((await say(120)).outcomes.corrected).toBe(1);
    expect(await shown('outcomes', 'arr_after_minor AS arr', "id = 'o-1'")).toEqual([{ arr: 120 }]);
    expect(await shown('outcome_versions', 'arr_after_minor AS arr, ended', "id = 'o-1'")).toEqual([
      { arr: 100, ended: 'corrected' },
      { arr: 120, ended: '' },
    ]);
  });

  test('a correction moves a signal to another account, and both have changed', async () => {
    await writeBatch(store, [ofSignal(signal('moved', { accountId: 'wrong' }))]);
    const { accounts } = await writeBatch(store, [ofSignal(signal('moved', { accountId: 'right' }), T + 1)]);
    expect([...accounts].sort()).toEqual(['right', 'wrong']);
    expect(await shown('signals', 'account_id', "id = 'moved'")).toEqual([{ account_id: 'right' }]);
  });

  test('of versions of a contract at one time the later line holds', async () => {
    // Rows "joined, cancelled": the first contract ends on the day on which the second begins.
    const rows = Array.from({ length: 28 }, (_, i) => {
      const of1 = (status: 'active' | 'ended', day: number) =>
        of({
          kind: 'subscription',
          subscription: subscription({
            accountId: `day-${i + 1}`,
            subscriptionId: `day-${i + 1}`,
            occurredAt: Date.UTC(2025, day === 0 ? 0 : 1, i + 1),
            status,
          }),
        });
      return [of1('active', 0), of1('ended', 1), of1('active', 1)];
    });
    await writeBatch(store, rows.flat());
    expect(
      await shown('subscriptions', 'status, count() AS n', "account_id LIKE 'day-%' GROUP BY status"),
    ).toEqual([{ status: 'active', n: 28 }]);
  });

  test('a file that was cut inside its last value is put right by the whole one', async () => {
    await writeBatch(store, [ofSignal(signal('cut', { value: 1 }))]);
    await writeBatch(store, [ofSignal(signal('cut', { value: 12 }), T + 60_000)]);
    expect(await shown('signals', 'value', "id = 'cut'")).toEqual([{ value: 12 }]);
  });

  test('a load counts as later than the one before, whatever its records count as received', async () => {
    const at = (value: number, arrivedAt: number) =>
      ofSignal(signal('load', { value }), T - DAY_MS, { arrivedAt, load: `load-${value}` });
    await writeBatch(store, [at(1, T)]);
    await writeBatch(store, [at(2, T + 1)]);
    expect(await shown('signals', 'value, _load', "id = 'load'")).toEqual([{ value: 2, _load: 'load-2' }]);
    expect(await knownAt('load', T - DAY_MS)).toEqual([{ value: 2 }]);
  });
});

describe('stored_at', () => {
  test('rises from insert to insert, and what changes has a new one', async () => {
    await writeBatch(store, [ofSignal(signal('cursor-1'))]);
    const [before] = await store.rows<{ at: string }>('SELECT max(stored_at) AS at FROM signal_versions');
    await writeBatch(store, [
      ofSignal(signal('cursor-2')),
      ofSignal(signal('cursor-1', { value: 1 }), T + 1),
    ]);
    expect(
      await store.rows(
        `SELECT id, value, ended FROM signal_versions WHERE stored_at > {at:String} ORDER BY id, value`,
        before,
      ),
    ).toEqual([
      { id: 'cursor-1', value: 1, ended: '' },
      { id: 'cursor-1', value: 3, ended: 'corrected' },
      { id: 'cursor-2', value: 3, ended: '' },
    ]);
  });
});

interface Held {
  readonly id: string;
  readonly value: number;
  readonly account: string;
  readonly hour: number;
  readonly since: number;
  readonly until: number;
  readonly now: number;
}

describe('whatever arrives, in whatever batches, crashes and redeliveries', () => {
  const step = fc.record({
    id: fc.constantFrom('a', 'b', 'c'),
    value: fc.constantFrom(1, 2),
    account: fc.constantFrom('p', 'q'),
    hour: fc.constantFrom(1, 2),
  });
  let run = 0;

  test('the view shows for each record its latest arrival, and known_at what a replay up to then shows', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 9 }),
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 9, maxLength: 9 }),
        fc.array(fc.boolean(), { minLength: 9, maxLength: 9 }),
        async (steps, cuts, crashes) => {
          const source = `run-${run++}`;
          const deliveries = steps.map(({ id, value, account, hour }, offset) =>
            ofSignal(
              signal(id, { source, value, accountId: account, occurredAt: T - hour * 3_600_000 }),
              T + offset,
              { origin: { topic: 'k', partition: 0, offset } },
            ),
          );
          let from = 0;
          for (let i = 0; from < deliveries.length; i++) {
            const batch = deliveries.slice(from, from + cuts[i % 9]!);
            await writeBatch(store, batch);
            // A crash after the insert, before the commit: the batch comes again, with more behind it.
            if (!crashes[i % 9]) from += batch.length;
            else if (batch.length > 1) from += 1;
            else {
              await writeBatch(store, batch);
              from += 1;
            }
          }
          const model = (upTo: number) =>
            [...new Map(steps.slice(0, upTo + 1).map((one) => [one.id, one])).values()]
              .map(({ id, value, account, hour }) => ({ id, value, account, hour }))
              .sort((one, other) => (one.id < other.id ? -1 : 1));
          // One query: what it says of each time is what `heldAt` asks.
          const rows = await store.rows<Held>(
            `SELECT id, value, account_id AS account, toInt32(round((${T} - toUnixTimestamp64Milli(occurred_at)) / 3600000)) AS hour,
               toUnixTimestamp64Milli(received_at) AS since, toUnixTimestamp64Milli(_until) AS until, _ended = '' AS now
             FROM signal_log FINAL WHERE source = {source:String} ORDER BY id`,
            { source },
          );
          const seen = (holds: (row: Held) => boolean) =>
            rows.filter(holds).map(({ id, value, account, hour }) => ({ id, value, account, hour }));
          expect(seen(({ now }) => now === 1)).toEqual(model(steps.length));
          for (const upTo of steps.keys())
            expect(seen(({ since, until }) => since <= T + upTo && until > T + upTo)).toEqual(model(upTo));
        },
      ),
      { numRuns: 12 },
    );
  });
});
