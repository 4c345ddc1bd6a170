import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DAY_MS } from '../../src/core/clock.js';
import { dateTime64 } from '../../src/core/sql-time.js';
import { populationSql } from '../../src/features/population.js';
import { writeBatch } from '../../src/ingest/batch-writer.js';
import { retract } from '../../src/ingest/retract.js';
import type { Delivery } from '../../src/ingest/signal-source.js';
import { parseMessage } from '../../src/signals/parse.js';
import { parseTombstone } from '../../src/signals/tombstone.js';
import type { Store } from '../../src/store/store.js';
import { context, json, NOW } from '../signals/forms.js';
import { tempStore } from '../support/temp-store.js';

let store: Store;
let close: () => Promise<void>;
beforeAll(async () => ({ store, close } = await tempStore()));
afterAll(() => close());

/** How a contract stands `days` before now, as its message arrives. */
function state(account_id: string, subscription_id: string, days: number, more: object = {}): Delivery {
  const receivedAt = NOW - days * DAY_MS;
  const fields = {
    type: 'subscription.updated',
    account_id,
    subscription_id,
    arr_minor: 100,
    currency: 'EUR',
  };
  const body = json({ ...fields, time: new Date(receivedAt).toISOString(), ...more });
  const record = parseMessage(body, 'any', { ...context(), receivedAt });
  return { record, origin: { topic: 'file', partition: -1, offset: 1 }, receivedAt };
}

function tombstone(key: string | null, days: number, offset = 1): Delivery {
  const receivedAt = NOW - days * DAY_MS;
  const record = parseTombstone(key === null ? null : Buffer.from(key), { ...context(), receivedAt });
  return { record, origin: { topic: 'subscriptions', partition: 0, offset }, receivedAt };
}

/** The subscriptions that run, as of a time and as known at another. */
async function running(accounts: string[], days = 0, knownDays?: number): Promise<string[]> {
  const rows = await store.rows<{ name: string }>(
    `SELECT concat(account_id, ' ', subscription_id) AS name FROM (${populationSql('account_id IN {accounts:Array(String)}', knownDays !== undefined)})
     ORDER BY name`,
    {
      accounts,
      as_of: dateTime64(NOW - days * DAY_MS),
      ...(knownDays === undefined ? {} : { known_at: dateTime64(NOW - knownDays * DAY_MS) }),
    },
  );
  return rows.map(({ name }) => name);
}

describe('a subscription that comes under another account', () => {
  test('has moved: it runs once, and both accounts have changed', async () => {
    await writeBatch(store, [state('old', 's-1', 30), state('old', 's-2', 30)]);
    const { accounts } = await writeBatch(store, [state('new', 's-1', 10)]);
    expect([...accounts].sort()).toEqual(['new', 'old']);
    expect(await running(['new', 'old'])).toEqual(['new s-1', 'old s-2']);
    expect(await running(['new', 'old'], 20)).toEqual(['old s-1', 'old s-2']);
    expect(await running(['new', 'old'], 0, 20)).toEqual(['old s-1', 'old s-2']);
    expect(
      await store.rows(`SELECT account_id, arr_minor FROM subscriptions WHERE subscription_id = 's-1'`),
    ).toEqual([{ account_id: 'new', arr_minor: 100 }]);
    expect(
      await store.rows(`SELECT count() AS n FROM subscription_history WHERE subscription_id = 's-1'`),
    ).toEqual([{ n: 2 }]);
  });

  test('has not moved after all when that is retracted, or the account before speaks of it again', async () => {
    await writeBatch(store, [state('one', 's-3', 30), state('wrong', 's-3', 10)]);
    expect(await running(['one', 'wrong'])).toEqual(['wrong s-3']);
    await retract(store, { account: 'wrong' }, { reason: 'x', by: 'ada', now: NOW });
    expect(await running(['one', 'wrong'])).toEqual(['one s-3']);
    await writeBatch(store, [state('two', 's-4', 30), state('three', 's-4', 20)]);
    const { accounts } = await writeBatch(store, [state('two', 's-4', 10)]);
    expect(accounts).toContain('three');
    expect(await running(['two', 'three'])).toEqual(['three s-4', 'two s-4']);
  });

  test('is two subscriptions where each account has one of that name from the start', async () => {
    await writeBatch(store, [state('A1', 'main', 400), state('A2', 'main', 400)]);
    await writeBatch(store, [state('A2', 'main', 10, { status: 'ended' })]);
    expect(await running(['A1', 'A2'])).toEqual(['A1 main']);
    expect(await store.rows(`SELECT count() AS n FROM subscriptions WHERE subscription_id = 'main'`)).toEqual(
      [{ n: 2 }],
    );
  });
});

describe('a message without a value on the topic of subscriptions', () => {
  test('ends the subscription that its key names, with what was known of it', async () => {
    await writeBatch(store, [state('gone', 's,"1"', 30), state('gone', 's-2', 30)]);
    const ended = tombstone(JSON.stringify(['gone', 's,"1"']), 5);
    expect((await writeBatch(store, [ended])).subscriptions.new).toBe(1);
    expect(await running(['gone'])).toEqual(['gone s-2']);
    // Delivered again, though the state before it is known better by now.
    await writeBatch(store, [state('gone', 's,"1"', 6, { arr_minor: 200 })]);
    expect((await writeBatch(store, [ended])).subscriptions.same).toBe(1);
    expect(
      await store.rows(
        `SELECT status, arr_minor FROM subscriptions WHERE account_id = 'gone' AND subscription_id = {id:String}`,
        { id: 's,"1"' },
      ),
    ).toEqual([{ status: 'ended', arr_minor: 100 }]);
  });

  // Bug: its contents went by what was known before it, so that one delivered again after a correction was another message.
  test('stays out once it was retracted, though what it ended is known better by now', async () => {
    await writeBatch(store, [state('kept', 's-kept', 30)]);
    const ended = tombstone(JSON.stringify(['kept', 's-kept']), 5);
    await writeBatch(store, [ended]);
    const time = new Date(NOW - 5 * DAY_MS).toISOString();
    const fields = {
      type: 'subscription.retracted',
      account_id: 'kept',
      subscription_id: 's-kept',
      retracts: time,
    };
    const receivedAt = NOW - DAY_MS;
    const retraction = parseMessage(json(fields), 'any', { ...context(), receivedAt });
    await writeBatch(store, [
      { record: retraction, origin: { topic: 'file', partition: -1, offset: 1 }, receivedAt },
    ]);
    expect(await running(['kept'])).toEqual(['kept s-kept']);
    await writeBatch(store, [state('kept', 's-kept', 6, { arr_minor: 200 })]);
    expect((await writeBatch(store, [ended])).subscriptions.retracted).toBe(1);
    expect(await running(['kept'])).toEqual(['kept s-kept']);
    expect(
      await store.rows(
        `SELECT status, ended FROM subscription_versions WHERE account_id = 'kept' AND occurred_at = {time:String}`,
        {
          time: dateTime64(NOW - 5 * DAY_MS),
        },
      ),
    ).toEqual([{ status: 'ended', ended: 'retracted' }]);
  });

  test('may name the account alone, and be in one batch with what it ends', async () => {
    await writeBatch(store, [state('solo', 'solo', 30), tombstone('solo', 20)]);
    expect(await running(['solo'])).toEqual([]);
    await writeBatch(store, [state('solo', 'solo', 10)]);
    expect(await running(['solo'])).toEqual(['solo solo']);
  });

  test.each([
    ['solo', 'solo', 'solo'],
    ['42', '42', '42'],
    ['é.K_1@x+2', 'é.K_1@x+2', 'é.K_1@x+2'],
    ['["t/1","t/1"]', 't/1', 't/1'],
    [' ["a", "b"] '.trim(), 'a', 'b'],
  ])('is taken under the key %j', (key, accountId, subscriptionId) => {
    expect(tombstone(key, 1).record).toMatchObject({ tombstone: { accountId, subscriptionId } });
  });

  test.each([
    [null, 'missing_field'],
    ['', 'missing_field'],
    ['["a"]', 'bad_value'],
    ['[', 'bad_value'],
    ['["a",1]', 'wrong_type'],
    ['["a","b","c"]', 'bad_value'],
    ['["a",["b"]]', 'wrong_type'],
    ['["a",null]', 'missing_field'],
    ['["a",""]', 'missing_field'],
    ['["a"', 'bad_value'],
    ['["a","b"]x', 'bad_value'],
    // Bug: it ended a subscription of an account of that name, and the one that was meant went on.
    ['acct/sub', 'bad_value'],
    ['acct|sub', 'bad_value'],
    ['acct:sub', 'bad_value'],
    ['acct,sub', 'bad_value'],
    ['acct sub', 'bad_value'],
    ['"acct"', 'bad_value'],
    ['null', 'bad_value'],
    ['Struct{account_id=a,subscription_id=b}', 'bad_value'],
    ['a\0b', 'bad_value'],
  ])('is refused under the key %j', (key, reason) => {
    expect(tombstone(key, 1).record).toMatchObject({
      kind: 'rejection',
      rejection: { reason, field: 'key' },
    });
  });
});
