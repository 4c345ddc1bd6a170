import { afterAll, beforeAll, expect, test } from 'vitest';
import { DAY_MS } from '../../src/core/clock.js';
import { writeBatch } from '../../src/ingest/batch-writer.js';
import type { Delivery } from '../../src/ingest/signal-source.js';
import { parseMessage } from '../../src/signals/parse.js';
import { settleRecords } from '../../src/store/settle-records.js';
import type { Store } from '../../src/store/store.js';
import { context, json, NOW } from '../signals/forms.js';
import { tempStore } from '../support/temp-store.js';

let store: Store;
let close: () => Promise<void>;
beforeAll(async () => ({ store, close } = await tempStore()));
afterAll(() => close());

/** What is derived from records by views of the engine, once its rows are merged. */
const DERIVED = ['accounts', 'signal_types', 'decision_inbox'];

const contents = async () => {
  const found: Record<string, unknown[]> = {};
  for (const table of DERIVED) found[table] = await store.rows(`SELECT * FROM ${table} FINAL ORDER BY ALL`);
  return found;
};

const deliveries = [
  { type: 'usage.made_up', id: 'u', value: 1 },
  { type: 'support.made_up', id: 's', account_id: 'other' },
  { type: 'subscription.updated', subscription_id: 'sub', seats: 3, plan: 'team' },
  { type: 'outcome.offer_accepted', id: 'o', subscription_id: 'sub', decision_id: 'd' },
  { type: 'outcome.offer_declined', id: 'applied', subscription_id: 'sub', decision_id: 'd' },
].map((fields, i): Delivery => {
  const time = new Date(NOW - DAY_MS).toISOString();
  const body = json({ source: 'meter', account_id: 'acme', time, ...fields });
  const record = parseMessage(body, 'any', { ...context(), receivedAt: NOW });
  if (record.kind === 'rejection') throw new Error(JSON.stringify(record.rejection));
  return { record, origin: { topic: 'k', partition: 0, offset: i }, receivedAt: NOW };
});

// Bug: found by 60 kills among five million signals. The store was killed when records and their index were durable, and what views derive of
// them was not: the redelivery was a repeat, and an account stayed younger than it was.
test('what views have not heard of when an insert was cut off is made good, and what they have is left as it is', async () => {
  await writeBatch(store, deliveries);
  await store.command(
    "INSERT INTO decision_inbox SELECT * REPLACE (1 AS applied) FROM decision_inbox WHERE answer_id LIKE 'meter/applied/%'",
  );
  const before = await contents();
  for (const table of DERIVED) expect(before[table], table).not.toEqual([]);
  const applied = await store.rows('SELECT * FROM decision_inbox FINAL WHERE applied = 1');
  expect(applied).toHaveLength(1);

  for (const table of ['accounts', 'signal_types']) await store.command(`TRUNCATE TABLE ${table}`);
  await store.command("DELETE FROM decision_inbox WHERE answer_id NOT LIKE 'meter/applied/%'");
  const { fates } = await writeBatch(store, deliveries);
  expect(new Set(fates)).toEqual(new Set(['same']));
  expect(await contents()).toEqual({ accounts: [], signal_types: [], decision_inbox: applied });

  await settleRecords(store);
  expect(await contents()).toEqual(before);
  await settleRecords(store);
  expect(await contents()).toEqual(before);
});
