import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Signal } from '../../src/signals/signal.js';
import type { Version } from '../../src/signals/versions.js';
import { contentHash } from '../../src/store/record-hash.js';
import { SIGNALS } from '../../src/store/signal-log.js';
import type { Store } from '../../src/store/store.js';
import { insertVersions } from '../../src/store/write-records.js';
import { tempStore } from '../support/temp-store.js';

let store: Store;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ store, close } = await tempStore());
});
afterAll(() => close());

const text = fc.oneof(fc.string({ maxLength: 6 }), fc.string({ maxLength: 60, unit: 'binary' }));
const signal = fc.record({
  source: text,
  id: text,
  category: fc.constantFrom('usage' as const, 'billing' as const),
  type: text,
  accountId: text,
  subscriptionId: text,
  occurredAt: fc.integer({ min: 946_684_800_000, max: 4_102_444_800_000 }),
  value: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })),
  attributes: fc.dictionary(text, text, { maxKeys: 12 }),
});

// What is stored is compared by it: another hash of the same contents would make corrections of all that comes again.
it('the hash of a signal is that of its members in a row, as it always was', () => {
  fc.assert(
    fc.property(signal, (one: Signal) => {
      const { accountId, category, type, occurredAt, subscriptionId, value, attributes } = one;
      const members = [accountId, category, type, String(occurredAt), subscriptionId];
      const pairs = Object.keys(attributes)
        .sort()
        .flatMap((key) => [key, attributes[key]!]);
      const expected = contentHash([...members, value === null ? '' : String(value), ...pairs]);
      expect(SIGNALS.contentOf(one)).toBe(expected);
    }),
  );
});

it('what every row of an insert leaves to the table is as if it had been sent', async () => {
  const value: Signal = {
    source: 's',
    id: '1',
    category: 'usage',
    type: 'feature_used',
    accountId: 'a',
    subscriptionId: '',
    occurredAt: Date.UTC(2026, 0, 1),
    value: null,
    attributes: {},
  };
  const origin = { topic: 't', partition: 0, offset: 1 };
  const at = Date.UTC(2026, 0, 2);
  const usual: Version<Signal> = {
    value,
    content: 1,
    origin,
    receivedAt: at,
    arrivedAt: at,
    load: '',
    again: 0,
    until: null,
    ended: '',
    endedBy: '',
  };
  const other: Version<Signal> = {
    ...usual,
    value: { ...value, id: '2', subscriptionId: 'sub' },
    arrivedAt: at + 5,
    load: 'l',
    again: at,
    until: at + 9,
    ended: 'corrected',
    endedBy: 'x',
  };
  await insertVersions(store, SIGNALS, [usual]);
  await insertVersions(store, SIGNALS, [{ ...usual, value: { ...value, id: '1b' } }, other]);
  const rows = await store.rows(
    `SELECT subscription_id AS sub, toUnixTimestamp64Milli(_again) AS again, toYear(_until) AS until, _ended AS ended, _ended_by AS by,
      _late AS late, _load AS load FROM signal_log ORDER BY id`,
  );
  const none = { sub: '', again: 0, until: 2299, ended: '', by: '', late: 0, load: '' };
  const all = { sub: 'sub', again: at, until: 2026, ended: 'corrected', by: 'x', late: 5, load: 'l' };
  expect(rows).toEqual([none, none, all]);
});
