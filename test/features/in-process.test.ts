import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY_MS, type Millis } from '../../src/core/clock.js';
import { type FeatureCatalogue, readFeatureCatalogue } from '../../src/features/catalogue.js';
import { measureFew } from '../../src/features/in-process/few-accounts.js';
import type { Scope } from '../../src/features/population.js';
import { readFeatures } from '../../src/features/read-features.js';
import type { Delivery } from '../../src/ingest/signal-source.js';
import type { ParsedRecord } from '../../src/signals/parsed.js';
import { UNKNOWN_CONTRACT } from '../../src/signals/subscription.js';
import type { Store } from '../../src/store/store.js';
import { defaultScoring } from '../scoring/scoring-files.js';
import { business, END, writeAll } from '../support/business.js';
import { tempStore } from '../support/temp-store.js';
import { hostileBusiness, oddBusiness } from './odd-business.js';

/** Measures over everything an expression on signals may name, with the contract, and conditions of every sort. */
const OF_ALL_SORTS = `lookback_days: 400
measures:
  m_logs: { op: sum, of: usage.*, value: 'log(1 + abs(value)) * coalesce(seats, 1)', within: 400d }
  m_before_renewal: { op: count, of: [core_action_completed, feature_used], when: 'days(occurred_at, renewal) > 60', within: 365d }
  m_of_plan: { op: mean, of: usage.*, when: 'plan == attributes.plan || !known(attributes.plan)', within: 100d }
  m_text: { op: distinct, of: usage.*, attribute: user_ref, per: 3d, within: 64d, with_missing: true }
  m_number: { op: quantile, of: [meter_reported, active_users_reported], value: 'number(attributes.quota) / value', quantile: 0.3 }
  m_time: { op: max, of: [discount_applied, meter_reported], value: 'days(occurred_at, coalesce(time(attributes.ends_at), as_of))' }
  m_own: { op: last, of: nps_response, value: 'auto_renew ? value : -value' }
  m_two: { op: share, of: [ticket_opened, ticket_reopened], where: { severity: [normal, high] }, having: { severity: high } }
  m_days: { op: distinct_days, of: [usage.*, billing.*, ticket_opened], within: 64d }
  m_total: { op: total, of: billing.*, within: 365d }
  m_decay: { op: ewma, of: [sentiment_scored, csat_response], half_life: 3d }
  m_streak: { op: streak, of: payment_failed, ended_by: invoice_paid, within: 100d }
features:
${['logs', 'before_renewal', 'of_plan', 'text', 'number', 'time', 'own', 'two', 'days', 'total', 'decay', 'streak'].map((name) => `  - { name: ${name}, category: usage, value: m_${name}, description: d, reason: r }`).join('\n')}
`;

function ofAllSorts(): FeatureCatalogue {
  const { catalogue, problems } = readFeatureCatalogue('features.yaml', OF_ALL_SORTS);
  expect(problems).toEqual([]);
  return catalogue!;
}

let store: Store;
let close: () => Promise<void>;
let names: string[];
beforeAll(async () => {
  ({ store, close } = await tempStore());
  const deliveries = [
    ...business({ accounts: 25, days: 450 }),
    ...oddBusiness(21, END, 200),
    ...hostileBusiness(22, END, 100),
  ];
  await writeAll(store, deliveries);
  names = (
    await store.rows<{ name: string }>('SELECT DISTINCT account_id AS name FROM accounts ORDER BY name')
  ).map(({ name }) => name);
});
afterAll(() => close());

async function read(catalogue: FeatureCatalogue, scope: Scope, asOf: number, knownAt?: number) {
  const rows: Record<string, unknown>[] = [];
  const question = { scope, asOf, ...(knownAt === undefined ? {} : { knownAt }) };
  for await (const { batch } of readFeatures(store, catalogue, question))
    for (let i = 0; i < batch.length; i++) rows.push(batch.row(i));
  return rows;
}

describe('features computed in this process for a few accounts are those that the store computes for everyone', () => {
  it.each([
    ['the shipped ones', () => defaultScoring().catalogue],
    ['measures of all sorts, over signals and the contract', ofAllSorts],
  ])('%s', async (_what, catalogueOf) => {
    const catalogue = catalogueOf();
    for (const [asOf, knownAt] of [
      [END, undefined],
      [Math.round(END - 100.37 * DAY_MS), undefined],
      [END - 14 * DAY_MS, END - 10 * DAY_MS],
    ] as const) {
      const everyone = await read(catalogue, { kind: 'range', first: '', last: '~' }, asOf, knownAt);
      const few: Record<string, unknown>[] = [];
      for (let from = 0; from < names.length; from += 100) {
        const accounts = names.slice(from, from + 100);
        const [first, last, count] = [accounts[0]!, accounts.at(-1)!, accounts.length];
        const named: Scope =
          from % 200 === 0 ? { kind: 'accounts', accounts } : { kind: 'range', first, last, count };
        few.push(...(await read(catalogue, named, asOf, knownAt)));
      }
      expect(everyone.length).toBeGreaterThan(100);
      expect(few).toEqual(everyone);
      for (const { name } of catalogue.features)
        expect(new Set(few.map((row) => row[name])).size, name).toBeGreaterThan(1);
    }
  });
});

// Bug: what an account with thousands of subscriptions sends for all of them was paired with each of them in memory.
it('signals that speak of too many subscriptions are left to the store', async () => {
  const account = 'with-many';
  const delivered = (record: ParsedRecord, offset: number, receivedAt: Millis): Delivery => ({
    record,
    origin: { topic: 'many', partition: 0, offset },
    receivedAt,
  });
  const subscriptions = Array.from({ length: 300 }, (_, i): Delivery => {
    const occurredAt = END - 300 * DAY_MS;
    const subscription = {
      ...UNKNOWN_CONTRACT,
      accountId: account,
      subscriptionId: `s${i}`,
      occurredAt,
      status: 'active' as const,
      start: occurredAt,
    };
    return delivered({ kind: 'subscription', subscription }, i, occurredAt);
  });
  const signals = Array.from({ length: 200 }, (_, i): Delivery => {
    const occurredAt = END - (i + 1) * DAY_MS;
    const signal = {
      source: 'many',
      id: String(i),
      category: 'usage' as const,
      type: 'core_action_completed',
      accountId: account,
      subscriptionId: '',
      occurredAt,
      value: null,
      attributes: {},
    };
    return delivered({ kind: 'signal', signal }, 300 + i, occurredAt);
  });
  await writeAll(store, [...subscriptions, ...signals]);
  const { catalogue } = defaultScoring();
  const scope: Scope = { kind: 'accounts', accounts: [account] };
  expect(await measureFew(store, { scope, asOf: END }, catalogue.measures, 'batch')).toBeUndefined();
  expect((await read(catalogue, scope, END)).length).toBe(300);
});

it('an account with more contracts than are put together at once is left to the store', async () => {
  const account = 'with-thousands';
  const occurredAt = END - 300 * DAY_MS;
  const deliveries = Array.from(
    { length: 5_001 },
    (_, i): Delivery => ({
      record: {
        kind: 'subscription',
        subscription: {
          ...UNKNOWN_CONTRACT,
          accountId: account,
          subscriptionId: `s${i}`,
          occurredAt,
          status: 'active',
        },
      },
      origin: { topic: 'thousands', partition: 0, offset: i },
      receivedAt: occurredAt,
    }),
  );
  await writeAll(store, deliveries);
  const { catalogue } = defaultScoring();
  const scope: Scope = { kind: 'accounts', accounts: [account] };
  expect(await measureFew(store, { scope, asOf: END }, catalogue.measures, 'batch')).toBeUndefined();
  expect((await read(catalogue, scope, END)).length).toBe(5_001);
});
