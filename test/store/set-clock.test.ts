import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { DAY_MS, HOUR_MS, systemClock } from '../../src/core/clock.js';
import { InboxDecider } from '../../src/engine/inbox-decider.js';
import { writeBatch } from '../../src/ingest/batch-writer.js';
import type { Delivery } from '../../src/ingest/signal-source.js';
import { recordDecided } from '../../src/store/decided-accounts.js';
import { settleRecords } from '../../src/store/settle-records.js';
import type { Store } from '../../src/store/store.js';
import { tempStore } from '../support/temp-store.js';

let store: Store;
let close: () => Promise<void>;
beforeAll(async () => ({ store, close } = await tempStore()));
afterAll(() => close());

const T = Date.UTC(2026, 2, 1, 12);
/** The same record, with a time on another day each time. */
const sent = (id: string, time: number): Delivery => ({
  record: {
    kind: 'signal',
    signal: {
      source: 'app',
      id,
      category: 'support',
      type: 'csat_response',
      accountId: 'acme',
      subscriptionId: '',
      occurredAt: time,
      value: 3,
      attributes: {},
    },
  },
  origin: { topic: 'file', partition: -1, offset: 1 },
  receivedAt: T,
});

describe('a store whose clock was set back', () => {
  // Bug: what was stored within that hour counted as settled, and a record that came again on another day stayed there twice.
  it('settles what has come since', async () => {
    await writeBatch(store, [sent('a', T - 2 * DAY_MS)]);
    await settleRecords(store);
    // As it stands after an hour that is over twice.
    await store.command("INSERT INTO settlement_log SELECT now64(6, 'UTC') + INTERVAL 59 MINUTE");
    await writeBatch(store, [sent('a', T - DAY_MS)]);
    const held = async () => (await store.rows("SELECT 1 FROM signals WHERE id = 'a'")).length;
    expect(await held()).toBe(2);
    expect((await settleRecords(store)).corrected.signal).toBe(1);
    expect(await held()).toBe(1);
    // From now on it is known again what is settled.
    expect(await store.rows("SELECT 1 FROM settlement_log WHERE settled_until > now64(6, 'UTC')")).toEqual(
      [],
    );
    expect((await settleRecords(store)).corrected.signal).toBe(0);
  });

  // Bug: what was decided before, as of a time to come, was taken for an answer.
  it('has those who ask for a decision wait for the next pass', async () => {
    const ahead = systemClock() + HOUR_MS;
    await recordDecided(store, ['acme'], ahead);
    const asked: (readonly string[])[] = [];
    const decider = new InboxDecider(store, systemClock, async (accounts) => void asked.push(accounts));
    let done = false;
    const deciding = decider.decide('acme', [], new AbortController().signal).then(() => (done = true));
    await vi.waitFor(() => expect(asked).toEqual([['acme'], ['acme']]), { timeout: 10_000 });
    expect(done).toBe(false);
    await recordDecided(store, ['acme'], ahead + 1);
    await deciding;
  });
});
