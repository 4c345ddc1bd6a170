import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeBatch } from '../../src/ingest/batch-writer.js';
import type { Delivery } from '../../src/ingest/signal-source.js';
import { CATEGORIES, type Signal } from '../../src/signals/signal.js';
import type { Store } from '../../src/store/store.js';
import { tempStore } from '../support/temp-store.js';

const T = Date.parse('2026-03-01T12:00:00.000Z');

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
const signalArb: fc.Arbitrary<Signal> = fc.record({
  source: text,
  id: text,
  category: fc.constantFrom(...CATEGORIES),
  type: fc.stringMatching(/^[a-z_]{1,20}$/),
  accountId: text,
  subscriptionId: fc.oneof(fc.constant(''), text),
  occurredAt: fc.integer({ min: 946_684_800_000, max: T }),
  value: fc.oneof(fc.constant(null), fc.double({ noNaN: true, noDefaultInfinity: true })),
  attributes: fc.dictionary(text, fc.string({ unit: 'grapheme' }), { noNullPrototype: true, maxKeys: 5 }),
});

function deliver(signal: Signal, receivedAt = T, offset = 0): Delivery {
  return { record: { kind: 'signal', signal }, origin: { topic: 't', partition: 0, offset }, receivedAt };
}

describe('writeBatch', () => {
  let store: Store;
  let close: () => Promise<void>;
  beforeAll(async () => ({ store, close } = await tempStore()));
  afterAll(() => close());

  it('keeps every field of a signal as it was', async () => {
    const signals = fc
      .sample(signalArb, { numRuns: 300, seed: 1 })
      .map((signal, i) => ({ ...signal, id: `${i}${signal.id}` }));
    await writeBatch(
      store,
      signals.map((signal, i) => deliver(signal, T, i)),
    );
    const rows = await store.rows<Record<string, unknown>>(
      'SELECT *, toUnixTimestamp64Milli(occurred_at) AS at FROM signals ORDER BY _offset',
    );
    expect(
      rows.map((row) => ({
        source: row.source,
        id: row.id,
        category: row.category,
        type: row.type,
        accountId: row.account_id,
        subscriptionId: row.subscription_id,
        occurredAt: row.at,
        value: row.value,
        attributes: row.attributes,
      })),
    ).toEqual(
      signals.map((signal) => ({ ...signal, value: signal.value === null ? null : signal.value + 0 })),
    );
    await store.command('TRUNCATE TABLE signal_log');
  });

  it('shows a signal once, with its first arrival, however often and in whatever order it is delivered', async () => {
    const signal = fc.sample(signalArb, { numRuns: 1, seed: 2 })[0]!;
    for (const receivedAt of [T + 5, T, T + 9]) await writeBatch(store, [deliver(signal, receivedAt)]);
    const rows = await store.rows('SELECT toUnixTimestamp64Milli(received_at) AS at FROM signals');
    expect(rows).toEqual([{ at: T }]);
    await store.command('TRUNCATE TABLE signal_log');
  });

  it('keeps the raw bytes of what could not be read, once', async () => {
    const raw = new Uint8Array([0x7b, 0xff, 0x00, 0x7d]);
    const rejection: Delivery = {
      record: { kind: 'rejection', rejection: { reason: 'not_utf8', detail: 'd', field: '', id: '', raw } },
      origin: { topic: 't', partition: 3, offset: 7 },
      receivedAt: T,
    };
    await writeBatch(store, [rejection]);
    await writeBatch(store, [{ ...rejection, receivedAt: T + 1 }]);
    expect(
      await store.rows('SELECT hex(raw) AS raw, reason, _topic, _partition, _offset FROM rejected_signals'),
    ).toEqual([{ raw: '7BFF007D', reason: 'not_utf8', _topic: 't', _partition: 3, _offset: 7 }]);
  });

  it('names the accounts it touched', async () => {
    const [a, b] = fc.sample(signalArb, { numRuns: 2, seed: 4 });
    const written = await writeBatch(store, [
      deliver({ ...a!, accountId: 'x' }),
      deliver({ ...b!, accountId: 'y' }),
    ]);
    expect([...written.accounts]).toEqual(['x', 'y']);
    expect(
      await store.rows(
        `SELECT account_id FROM accounts FINAL WHERE account_id IN ('x', 'y') ORDER BY account_id`,
      ),
    ).toHaveLength(2);
  });
});
