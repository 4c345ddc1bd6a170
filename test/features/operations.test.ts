import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY_MS } from '../../src/core/clock.js';
import { type FeatureCatalogue, readFeatureCatalogue } from '../../src/features/catalogue.js';
import { OPERATIONS } from '../../src/features/measures/operations.js';
import { readFeatures } from '../../src/features/read-features.js';
import type { Delivery } from '../../src/ingest/signal-source.js';
import type { Signal } from '../../src/signals/signal.js';
import type { Store } from '../../src/store/store.js';
import { writeAll } from '../support/business.js';
import { tempStore } from '../support/temp-store.js';
import { NAIVE } from './naive.js';

const NOW = Date.UTC(2025, 5, 1, 12);
const EVERYONE = { kind: 'range', first: '', last: '~' } as const;

/** One measure for each naive operation, named after it. */
const MEASURES: Readonly<Record<string, string>> = {
  count: '{ op: count, of: a, within: 28d }',
  total: '{ op: total, of: a, within: 28d }',
  sum: '{ op: sum, of: [a], within: 100d }',
  mean: '{ op: mean, of: a, within: 100d }',
  min: '{ op: min, of: a }',
  max: '{ op: max, of: a }',
  quantile: '{ op: quantile, of: a, quantile: 0.75 }',
  last: '{ op: last, of: a }',
  first: '{ op: first, of: a }',
  last_at: '{ op: last_at, of: a }',
  first_at: '{ op: first_at, of: a, within: 60d }',
  at_max: '{ op: at_max, of: a, by: number(attributes.by) }',
  ewma: '{ op: ewma, of: a, half_life: 2w, within: 200d }',
  share: '{ op: share, of: a, having: { key: x } }',
  distinct: '{ op: distinct, of: a, attribute: key, within: 4w }',
  distinct_with_missing: '{ op: distinct, of: a, attribute: key, with_missing: true, within: 28d }',
  distinct_per_week: '{ op: distinct, of: a, attribute: key, per: 7d, within: 56d }',
  distinct_days: '{ op: distinct_days, of: a, within: 100d }',
  days_since: '{ op: days_since, of: a, within: 70d }',
  trend: '{ op: trend, of: a, within: 56d, every: 7d }',
  streak: '{ op: streak, of: a, ended_by: b, within: 100d }',
  open_items: '{ op: open_items, of: a, closed_by: b, item: item }',
  open_items_age: '{ op: open_items_age, of: a, closed_by: b, item: item }',
  open_items_age_median: '{ op: open_items_age, of: a, closed_by: b, item: item, quantile: 0.5 }',
  covered_days: '{ op: covered_days, of: a, until: time(attributes.until), otherwise: 30d, within: 90d }',
};

function catalogueOf(measures: Readonly<Record<string, string>>): FeatureCatalogue {
  const feature = (name: string) => {
    const value = name.endsWith('_at') ? `'days(as_of, m_${name})'` : `m_${name}`;
    return `  - { name: ${name}, category: usage, value: ${value}, description: d, reason: r }`;
  };
  const text = `lookback_days: 400
measures:
${Object.entries(measures)
  .map(([name, definition]) => `  m_${name}: ${definition}`)
  .join('\n')}
features:
${Object.keys(measures).map(feature).join('\n')}
`;
  const { catalogue, problems } = readFeatureCatalogue('features.yaml', text);
  expect(problems).toEqual([]);
  return catalogue!;
}

let store: Store;
let close: () => Promise<void>;
const accounts = fc.sample(fc.array(signalOf(), { minLength: 0, maxLength: 40 }), { seed: 5, numRuns: 150 });
const deliveries = accounts.flatMap((signals, account) =>
  signals.map((signal, i): Delivery => {
    const id = `${account}-${i}`;
    return {
      record: { kind: 'signal', signal: { ...signal, accountId: `acc${account}`, source: 's', id } },
      origin: { topic: 't', partition: 0, offset: i },
      receivedAt: NOW,
    };
  }),
);
/** Long ago everyone was a customer, and someone sends every type. */
const observed = [...accounts.keys()].map((account): Delivery => {
  const signal = blank({ type: 'start', occurredAt: NOW - 600 * DAY_MS });
  return {
    record: {
      kind: 'signal',
      signal: { ...signal, accountId: `acc${account}`, source: 'o', id: `${account}` },
    },
    origin: { topic: 't', partition: 1, offset: account },
    receivedAt: NOW,
  };
});
beforeAll(async () => {
  ({ store, close } = await tempStore());
  await writeAll(store, [...deliveries, ...observed]);
});
afterAll(() => close());

describe('an operation gives what its naive version gives', () => {
  it('of every operation but SQL', () => {
    const tested = new Set(Object.values(MEASURES).map((text) => /op: (\w+)/.exec(text)![1]));
    expect([...tested, 'sql'].sort()).toEqual(Object.keys(OPERATIONS).sort());
    expect(Object.keys(NAIVE).sort()).toEqual(Object.keys(MEASURES).sort());
  });

  it.each(['all at once', 'a few accounts by name'])('%s', async (how) => {
    const rows = await read(
      catalogueOf(MEASURES),
      how === 'all at once' ? undefined : ['acc1', 'acc2', 'acc3'],
    );
    const wrong: string[] = [];
    for (const [account, row] of rows)
      for (const name of Object.keys(MEASURES)) {
        const expected = expectedOf(name, accounts[account]!);
        if (!near(row[name], expected))
          wrong.push(`${name} of acc${account}: ${row[name]}, naive ${expected}`);
      }
    expect(wrong).toEqual([]);
    expect(rows.size).toBe(how === 'all at once' ? accounts.length : 3);
  });

  it('whatever else is asked for: measures share branches, and not what counts', async () => {
    const names = Object.keys(MEASURES);
    const all = await read(catalogueOf(MEASURES));
    for (const name of ['distinct_per_week', 'open_items', 'ewma', 'count', 'days_since']) {
      expect(names).toContain(name);
      const alone = await read(catalogueOf({ [name]: MEASURES[name]! }));
      for (const [account, row] of alone) expect(row[name]).toBe(all.get(account)![name]);
    }
  });
});

/** Features by account. */
async function read(catalogue: FeatureCatalogue, names?: readonly string[]) {
  const scope = names === undefined ? EVERYONE : ({ kind: 'accounts', accounts: names } as const);
  const rows = new Map<number, Record<string, unknown>>();
  for await (const { batch } of readFeatures(store, catalogue, { scope, asOf: NOW }))
    for (let i = 0; i < batch.length; i++) {
      const row = batch.row(i);
      rows.set(Number(String(row.account_id).slice(3)), row);
    }
  return rows;
}

function expectedOf(name: string, signals: readonly Signal[]): number | null {
  const text = MEASURES[name]!;
  const window = /within: (\d+)([dw])/.exec(text);
  const isState = name.startsWith('open_items');
  const windowDays = window === null ? 400 : Number(window[1]) * (window[2] === 'w' ? 7 : 1);
  const within = (s: Signal) => {
    const age = NOW - s.occurredAt;
    return age >= 0 && (isState || name === 'covered_days' || age < windowDays * DAY_MS);
  };
  const ofType = (type: string) => signals.filter((s) => s.type === type && within(s));
  const value = NAIVE[name]!({ signals: ofType('a'), ends: ofType('b'), asOf: NOW, windowDays });
  return name.endsWith('_at') && value !== null ? (value - NOW) / DAY_MS : value;
}

function near(actual: unknown, expected: number | null): boolean {
  if (expected === null || typeof actual !== 'number') return actual === expected;
  return Math.abs(actual - expected) <= 1e-5 * Math.max(1, Math.abs(expected));
}

function blank(more: Pick<Signal, 'type' | 'occurredAt'>): Signal {
  return {
    source: '',
    id: '',
    category: 'usage',
    accountId: '',
    subscriptionId: '',
    value: null,
    attributes: {},
    ...more,
  };
}

function signalOf(): fc.Arbitrary<Signal> {
  const days = fc.oneof(
    fc.integer({ min: 0, max: 60 }),
    fc.integer({ min: 0, max: 500 }),
    fc.constantFrom(7, 28, 56, 60, 70, 90, 100, 200, 400),
  );
  // Whole hours, so that stretches can be counted by the hour; and a millisecond before the border of a window.
  const at = fc
    .tuple(days, fc.integer({ min: 0, max: 23 }), fc.constantFrom(0, 0, 0, 0, 1))
    .map(([d, h, ms]) => NOW - d * DAY_MS - h * 3_600_000 + ms);
  const attributes = fc.record(
    {
      key: fc.constantFrom('x', 'y', 'z'),
      item: fc.constantFrom('i1', 'i2', 'i3'),
      by: fc.integer({ min: -3, max: 3 }).map(String),
      until: days.map((d) => new Date(NOW + (d - 200) * DAY_MS).toISOString()),
    },
    { requiredKeys: [] },
  );
  return fc
    .record({
      type: fc.constantFrom('a', 'a', 'a', 'b', 'c'),
      occurredAt: at,
      value: fc.option(fc.integer({ min: -50, max: 50 }), { freq: 4 }),
      attributes: attributes as fc.Arbitrary<Record<string, string>>,
    })
    .map((drawn) => ({ ...blank(drawn), ...drawn, occurredAt: Math.min(drawn.occurredAt, NOW) }));
}
