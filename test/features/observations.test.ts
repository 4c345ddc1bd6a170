import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Batch } from '../../src/columns/batch.js';
import { DAY_MS, type Millis } from '../../src/core/clock.js';
import { observedFeatures } from '../../src/engine/observations/observed-features.js';
import { readFeatures } from '../../src/features/read-features.js';
import type { Observation } from '../../src/fit/observations/observation.js';
import { retract } from '../../src/ingest/retract.js';
import type { Delivery } from '../../src/ingest/signal-source.js';
import type { Store } from '../../src/store/store.js';
import { defaultScoring } from '../scoring/scoring-files.js';
import { business, END, writeAll } from '../support/business.js';
import { tempStore } from '../support/temp-store.js';
import { oddBusiness } from './odd-business.js';

const { catalogue } = defaultScoring();
/** Before anything happened, at the borders of days and within them, and twice at nearly one time. */
const TIMES = [-900, -380.2, -200, -77.77, -77.7699, -30, -9, -0.001].map((days) =>
  Math.round(END + days * DAY_MS),
);
const EVERYONE = { kind: 'range', first: '', last: '~' } as const;

let store: Store;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ store, close } = await tempStore());
  const odd = oddBusiness(7, END, 60);
  await writeAll(store, [...business({ accounts: 12, days: 400 }), ...odd, ...movers(odd)]);
  // What was taken back is known at times before, and not after.
  const taken = { reason: 'test', by: 'test', now: END - 20 * DAY_MS };
  for (const account of ['odd3', 'odd5', 'acc-000002']) await retract(store, { account }, taken);
});
afterAll(() => close());

/** A subscription of some odd account that moves to another one, and an account that is named as a subscription of its own. */
function movers(odd: readonly Delivery[]): Delivery[] {
  const contract = odd.find(({ record }) => record.kind === 'subscription')!.record;
  if (contract.kind !== 'subscription') throw new Error('no contract');
  const at = (
    accountId: string,
    subscriptionId: string,
    days: number,
    offset: number,
    end: Millis | null = null,
  ): Delivery => ({
    record: {
      kind: 'subscription',
      subscription: {
        ...contract.subscription,
        ...{ accountId, subscriptionId, status: 'active', end, occurredAt: END + days * DAY_MS },
      },
    },
    origin: { topic: 'moves', partition: 0, offset },
    receivedAt: END + (days + 5) * DAY_MS,
  });
  return [
    at('mover-a', 'moving', -390, 1),
    at('mover-b', 'moving', -85, 2),
    at('self', 'self', -100, 3),
    at('self', 'self-2', -90, 4),
    at('odd9', 'late-contract', -60, 5),
    at('ends', 'ends', -90, 6, END - 20 * DAY_MS),
  ];
}

describe('observations of many times', () => {
  it('are what a query for each time gives, as it was known then', async () => {
    const expected = new Map<string, unknown>();
    const wanted: Observation[] = [];
    const observe = (accountId: string, subscriptionId: string, asOf: Millis) =>
      wanted.push({ accountId, subscriptionId, asOf, dueAt: asOf, leadDays: 0, label: 0 });
    const subscriptions = new Map<string, readonly [string, string]>();
    for (const asOf of TIMES)
      for await (const { batch } of readFeatures(store, catalogue, { scope: EVERYONE, asOf, knownAt: asOf }))
        for (let row = 0; row < batch.length; row++) {
          const values = batch.row(row);
          const [account, subscription] = [String(values.account_id), String(values.subscription_id)];
          subscriptions.set(JSON.stringify([account, subscription]), [account, subscription]);
          expected.set(keyOf(account, subscription, asOf), withApplicable(batch, row));
        }
    // Everyone at every time, whether they ran then or not, and what never was.
    for (const asOf of TIMES) {
      for (const [account, subscription] of subscriptions.values()) observe(account, subscription, asOf);
      for (const account of ['nobody', 'odd1', 'mover-a', 'self']) observe(account, account, asOf);
      observe('odd1', 'nothing', asOf);
    }
    const found = new Map<string, unknown>();
    for await (const { batch, observations } of observedFeatures(store, catalogue, wanted))
      observations.forEach(({ accountId, subscriptionId, asOf }, row) => {
        found.set(keyOf(accountId, subscriptionId, asOf), withApplicable(batch, row));
      });
    expect([...found.keys()].sort()).toEqual([...expected.keys()].sort());
    expect(found.size).toBeGreaterThan(200);
    for (const [key, values] of expected) expect({ key, values: found.get(key) }).toEqual({ key, values });
    // The moved one is seen under both accounts, each at its time; the stand-in until there is a contract.
    const runs = (account: string, subscription: string) =>
      TIMES.filter((asOf) => found.has(keyOf(account, subscription, asOf))).map((asOf) =>
        Math.round((asOf - END) / DAY_MS),
      );
    expect(runs('mover-a', 'moving')).toEqual([-380, -200]);
    expect(runs('mover-b', 'moving')).toEqual([-78, -78, -30, -9, -0]);
    expect(runs('ends', 'ends')).toEqual([-78, -78, -30]);
    expect(
      runs('odd3', 'odd3').length + runs('odd3', 's1').length + runs('odd3', 's2').length,
    ).toBeGreaterThan(0);
  });
});

const keyOf = (account: string, subscription: string, asOf: Millis) =>
  JSON.stringify([account, subscription, asOf]);

/** Every fact of a row, and which features are applicable. */
function withApplicable(batch: Batch, row: number): Record<string, unknown> {
  const applicable = catalogue.features.map(({ name }) => batch.column(name).applicable?.has(row) ?? true);
  return { ...batch.row(row), applicable };
}
