import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY_MS, type Millis } from '../../src/core/clock.js';
import type { Scope } from '../../src/features/population.js';
import { readFeatures } from '../../src/features/read-features.js';
import type { Delivery } from '../../src/ingest/signal-source.js';
import type { Store } from '../../src/store/store.js';
import { defaultScoring } from '../scoring/scoring-files.js';
import { business, END, writeAll } from '../support/business.js';
import { tempStore } from '../support/temp-store.js';
import { hostileBusiness, oddBusiness } from './odd-business.js';
import { type FeatureRow, referenceFeatures } from './reference.js';

const { catalogue } = defaultScoring();
const NAMES = catalogue.features.map(({ name }) => name);

let store: Store;
let close: () => Promise<void>;
let deliveries: Delivery[];
beforeAll(async () => {
  ({ store, close } = await tempStore());
  deliveries = [
    ...business({ accounts: 25, days: 450 }),
    ...oddBusiness(11, END, 150),
    ...hostileBusiness(12, END, 60),
  ];
  await writeAll(store, deliveries);
});
afterAll(() => close());

const EVERYONE: Scope = { kind: 'range', first: '', last: '~' };

async function fromStore(asOf: Millis, knownAt?: Millis): Promise<Map<string, FeatureRow>> {
  const rows = new Map<string, FeatureRow>();
  const question = { scope: EVERYONE, asOf, ...(knownAt === undefined ? {} : { knownAt }) };
  for await (const { batch } of readFeatures(store, catalogue, question)) {
    for (let i = 0; i < batch.length; i++) {
      const row = batch.row(i);
      const features = NAMES.map((name) => [name, row[name] as number | boolean | null] as const);
      rows.set(`${row.account_id} ${row.subscription_id}`, Object.fromEntries(features));
    }
  }
  return rows;
}

const cut = (value: number | boolean | null, [least, most]: readonly [number | null, number | null]) =>
  typeof value === 'number' ? Math.max(least ?? value, Math.min(most ?? value, value)) : value;

/** What differs, by feature: the first case of each. */
function differences(actual: ReadonlyMap<string, FeatureRow>, expected: ReadonlyMap<string, FeatureRow>) {
  const found: Record<string, string> = {};
  for (const [key, row] of expected)
    for (const { name, range } of catalogue.features) {
      const [is, should] = [actual.get(key)?.[name] ?? null, cut(row[name]!, range)];
      const near =
        typeof is === 'number' && typeof should === 'number'
          ? Math.abs(is - should) <= 1e-5 * Math.max(1, Math.abs(should))
          : is === should;
      if (!near) found[name] ??= `${key}: the store says ${is}, the definition ${should}`;
    }
  return found;
}

describe('every feature is what its definition says', () => {
  it.each([
    ['now', END, undefined],
    ['two weeks ago', END - 14 * DAY_MS, undefined],
    ['in the middle of a day', END - 100.37 * DAY_MS, undefined],
    ['nearly a year ago', END - 350 * DAY_MS, undefined],
    ['two weeks ago, as known then', END - 14 * DAY_MS, END - 14 * DAY_MS],
    ['half a year ago, as known a month later', END - 180 * DAY_MS, END - 150 * DAY_MS],
  ])('%s', async (_when, asOf, knownAt) => {
    const at = Math.round(asOf);
    const expected = referenceFeatures(deliveries, at, knownAt);
    const actual = await fromStore(at, knownAt);
    expect([...actual.keys()].sort()).toEqual([...expected.keys()].sort());
    expect(differences(actual, expected)).toEqual({});
  });

  it('and each is known for some and not for others: the comparison is not of nothing', () => {
    const rows = [...referenceFeatures(deliveries, END).values()];
    for (const name of NAMES) {
      expect({ name, known: rows.some((row) => row[name] !== null) }).toEqual({ name, known: true });
      expect({ name, distinct: new Set(rows.map((row) => row[name])).size > 1 }).toEqual({
        name,
        distinct: true,
      });
    }
  });

  it('stays within the range that the catalogue states', async () => {
    const outside: Record<string, unknown> = {};
    for (const row of (await fromStore(END)).values())
      for (const { name, range } of catalogue.features) {
        const value = row[name];
        if (typeof value !== 'number') continue;
        if (!Number.isFinite(value) || Object.is(value, -0)) outside[name] = String(value);
        if (value < (range[0] ?? value) || value > (range[1] ?? value)) outside[name] = value;
      }
    expect(outside).toEqual({});
  });
});
