import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Subscription } from '../../src/signals/subscription.js';
import type { Store } from '../../src/store/store.js';
import { contract, day, writeRecords } from '../support/contracts.js';
import { tempStore } from '../support/temp-store.js';
import { emptyBusiness } from './support.js';

const PRESENT = day('2026-01-01');
const BEFORE = day('2024-12-01');

let store: Store;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ store, close } = await tempStore());
});
afterAll(() => close());
beforeEach(() => emptyBusiness(store, PRESENT));

/** A contract worth 100 EUR from before the year on, unless a test says otherwise. */
const of = (accountId: string, name: string, more: Partial<Subscription> = {}): Subscription =>
  contract({
    accountId,
    subscriptionId: `${accountId}-${name}`,
    occurredAt: BEFORE,
    arrMinor: 100_00,
    currency: 'EUR',
    ...more,
  });

async function year(view = 'retention', where = '1'): Promise<Record<string, unknown>> {
  const rows = await store.rows<Record<string, unknown>>(
    `SELECT * FROM ${view} WHERE period = 'year' AND month = '2025-12-01' AND ${where}`,
  );
  expect(rows.length).toBeLessThanOrEqual(1);
  return rows[0] ?? {};
}

describe('the retention of a year', () => {
  // Bug: accounts were told apart by the id of the subscription alone: base 100 and GRR 1.
  test('counts two accounts whose subscriptions have one id as two', async () => {
    await writeRecords(store, {
      contracts: [
        of('A1', '', { subscriptionId: 'main' }),
        of('A2', '', { subscriptionId: 'main' }),
        of('A2', '', { subscriptionId: 'main', occurredAt: day('2025-06-01'), status: 'ended' }),
      ],
    });
    expect(await year()).toMatchObject({
      customers_start: 2,
      customers_churned: 1,
      arr_start: 200,
      arr_churned: 100,
      grr: 0.5,
      nrr: 0.5,
      churn_rate: 0.5,
    });
  });

  // Bug: a contract that ended and one that began the same day were a loss and a new customer: 0 and 0.
  test('counts a contract that replaces another the same day as its continuation', async () => {
    await writeRecords(store, {
      contracts: [
        of('A', 'd1'),
        of('A', 'd1', { occurredAt: day('2025-06-01'), status: 'ended' }),
        of('A', 'd1-v2', { occurredAt: day('2025-06-01'), arrMinor: 120_00 }),
      ],
    });
    const wanted = { customers_start: 1, customers_churned: 0, customers_new: 0, grr: 1, nrr: 1.2 };
    expect(await year()).toMatchObject(wanted);
    const [june] = await store.rows(
      "SELECT * FROM retention WHERE period = 'month' AND month = '2025-06-01'",
    );
    expect(june).toMatchObject({ ...wanted, arr_expansion: 20 });
  });

  // Bug: 1,000 USD a year ago and 15,000,000 JPY now made an NRR of 150.
  test('adds up no currencies without a rate, and converts those that have one', async () => {
    await writeRecords(store, {
      contracts: [
        of('A', 'main', { currency: 'USD', arrMinor: 1_000_00 }),
        of('A', 'main', { occurredAt: day('2025-06-01'), currency: 'JPY', arrMinor: 15_000_000 }),
        of('B', 'main', { currency: 'USD', arrMinor: 1_000_00 }),
        of('B', 'main', { occurredAt: day('2025-06-01'), currency: 'CHF', arrMinor: 900_00 }),
        of('C', 'main'),
      ],
    });
    expect(await year()).toMatchObject({
      customers_start: 3,
      customers_not_known: 1,
      arr_start: 500 + 100,
      arr_end: 150_000 + 100,
      grr: 1,
    });
    const [a, b] = await store.rows<{ currency: string; arr_start: number | null; nrr: number | null }>(
      "SELECT * FROM customer_retention WHERE period = 'year' AND month = '2025-12-01' ORDER BY account_id",
    );
    expect(a).toMatchObject({ currency: '', arr_start: null, arr_start_reporting: 500, nrr: 300 });
    expect(b).toMatchObject({
      currency: '',
      arr_end: null,
      arr_end_reporting: null,
      nrr: null,
      movement: '',
    });
    expect(
      await store.rows(
        "SELECT currency, customers_start FROM retention_by_currency WHERE period = 'year' AND month = '2025-12-01'",
      ),
    ).toEqual([{ currency: 'EUR', customers_start: 1 }]);
  });

  test('leaves out whose ARR is not known, and says how many', async () => {
    await writeRecords(store, {
      contracts: [
        of('A', 'main'),
        of('B', 'main', { arrMinor: null }),
        of('B', 'other'),
        of('C', 'main'),
        of('C', 'main', { occurredAt: day('2025-06-01'), arrMinor: null }),
      ],
    });
    expect(await year()).toMatchObject({
      customers_start: 3,
      customers_end: 3,
      customers_not_known: 2,
      arr_start: 100,
      nrr: 1,
      arpa: 100,
    });
  });

  // Bug: revenue of customers whose ARR is known of none was 0.
  test('gives no amount of customers of whom none is known, and 0 where there are none', async () => {
    await writeRecords(store, {
      contracts: [
        of('unknown', '', { arrMinor: null }),
        of('francs', '', { currency: 'CHF' }),
        of('came', '', { occurredAt: day('2025-06-01') }),
      ],
    });
    expect(await year()).toMatchObject({
      customers_start: 2,
      customers_not_known: 2,
      arr_start: null,
      arr_new: 100,
      arr_reactivated: 0,
      arr_expansion: null,
      arr_contraction: null,
      arr_churned: 0,
      arr_end: 100,
      nrr: null,
      grr: null,
    });
    expect(await year('retention_by_currency', "currency = 'CHF'")).toMatchObject({ arr_start: 100 });
    await emptyBusiness(store, PRESENT);
    await writeRecords(store, { contracts: [of('unknown', '', { arrMinor: null })] });
    expect(await year()).toMatchObject({ arr_start: null, arr_new: 0, arr_end: null, arpa: null, clv: null });
  });

  test('counts another product of a customer as expansion, not as a new customer', async () => {
    await writeRecords(store, {
      contracts: [of('A', 'crm'), of('A', 'chat', { occurredAt: day('2025-06-01'), arrMinor: 40_00 })],
    });
    expect(await year()).toMatchObject({ customers_new: 0, arr_new: 0, arr_expansion: 40, nrr: 1.4, grr: 1 });
  });

  test('counts a trial once it is paid for, and never as lost', async () => {
    await writeRecords(store, {
      contracts: [
        of('A', 'main'),
        of('T1', 'main', { status: 'trialing' }),
        of('T1', 'main', { occurredAt: day('2025-03-01') }),
        of('T2', 'main', { status: 'trialing' }),
        of('T2', 'main', { occurredAt: day('2025-03-01'), status: 'ended' }),
      ],
    });
    expect(await year()).toMatchObject({
      customers_start: 1,
      customers_new: 1,
      customers_churned: 0,
      arr_new: 100,
      nrr: 1,
    });
  });

  test('counts contracts of a customer that merged into another as that one’s all along', async () => {
    await writeRecords(store, {
      contracts: [
        of('Big', 'b1'),
        of('Small', '', { subscriptionId: 's1' }),
        of('Big', '', { subscriptionId: 's1', occurredAt: day('2025-06-01') }),
      ],
    });
    expect(await year()).toMatchObject({
      customers_start: 1,
      customers_churned: 0,
      arr_start: 200,
      arr_end: 200,
      grr: 1,
      nrr: 1,
    });
  });

  test('counts who paused as gone, and who comes back as reactivated', async () => {
    await writeRecords(store, {
      contracts: [
        of('A', 'main'),
        of('A', 'main', { occurredAt: day('2025-03-10'), status: 'paused' }),
        of('A', 'main', { occurredAt: day('2025-05-10') }),
        of('B', 'main'),
      ],
    });
    const months = await store.rows(
      `SELECT toString(month) AS month, customers_churned AS churned, customers_reactivated AS back FROM retention
       WHERE period = 'month' AND churned + back > 0 ORDER BY month`,
    );
    expect(months).toEqual([
      { month: '2025-03-01', churned: 1, back: 0 },
      { month: '2025-05-01', churned: 0, back: 1 },
    ]);
    expect(await year()).toMatchObject({ churn_rate: 0, nrr: 1 });
  });

  test('knows nothing of a contract before the first that was said of it, but that it ran', async () => {
    await writeRecords(store, {
      contracts: [
        of('A', 'main'),
        of('B', 'main', { occurredAt: day('2025-09-15'), start: day('2023-01-01') }),
        of('C', 'main', { occurredAt: day('2025-09-15') }),
      ],
    });
    expect(await year()).toMatchObject({ customers_start: 2, customers_not_known: 1, customers_new: 1 });
  });

  // Bug: the new value counted from the day on which it was sent.
  test('counts what begins on a later day from that day on, and what was sent before until then', async () => {
    await writeRecords(store, {
      contracts: [
        of('A', 'main', { occurredAt: day('2025-01-01') }),
        of('A', 'main', { occurredAt: day('2025-10-20'), start: day('2025-12-01'), arrMinor: 150_00 }),
        of('B', 'main', { occurredAt: day('2025-01-01') }),
        of('B', 'main', { occurredAt: day('2025-10-20'), start: day('2025-12-01'), arrMinor: 150_00 }),
        // Called off before it began.
        of('B', 'main', { occurredAt: day('2025-11-20'), status: 'ended' }),
      ],
    });
    expect(
      await store.rows(
        `SELECT account_id AS who, toString(began_at) AS began, toString(ended_at) AS ended, arr FROM contract_periods ORDER BY who, began`,
      ),
    ).toEqual([
      { who: 'A', began: '2025-01-01 00:00:00.000', ended: '2025-12-01 00:00:00.000', arr: 100 },
      { who: 'A', began: '2025-12-01 00:00:00.000', ended: null, arr: 150 },
      { who: 'B', began: '2025-01-01 00:00:00.000', ended: '2025-11-20 00:00:00.000', arr: 100 },
    ]);
  });

  test('counts a contract from its start and up to its end, and growth, losses and churn by the book', async () => {
    await writeRecords(store, {
      contracts: [
        of('A', 'main', { arrMinor: 200_00 }),
        of('A', 'main', { occurredAt: day('2025-04-01'), arrMinor: 150_00 }),
        of('B', 'main', { arrMinor: 300_00, end: day('2025-10-01') }),
        of('C', 'main', { arrMinor: 500_00 }),
        of('C', 'main', { occurredAt: day('2025-04-01'), arrMinor: 700_00 }),
        of('D', 'main', { occurredAt: day('2025-02-01'), start: day('2025-11-01'), arrMinor: 80_00 }),
        of('E', 'main', { start: day('2026-02-01') }),
      ],
    });
    const all = await year();
    expect(all).toMatchObject({
      customers_start: 3,
      customers_new: 1,
      customers_churned: 1,
      customers_end: 3,
      arr_start: 1_000,
      arr_expansion: 200,
      arr_contraction: 50,
      arr_churned: 300,
      arr_new: 80,
      arr_end: 930,
      arpa: 310,
      days: 365,
    });
    expect(all.nrr).toBeCloseTo(0.85, 12);
    expect(all.grr).toBeCloseTo(0.65, 12);
    expect(all.clv).toBeCloseTo(310 / (1 / 3), 9);
    const [october] = await store.rows<Record<string, number>>(
      "SELECT * FROM retention WHERE period = 'month' AND month = '2025-10-01'",
    );
    expect(october!.churn_rate).toBeCloseTo(1 / 3, 12);
    expect(october!.churn_rate_annual).toBeCloseTo(1 - (2 / 3) ** (365 / 31), 12);
    const [november] = await store.rows(
      "SELECT * FROM retention WHERE period = 'month' AND month = '2025-11-01'",
    );
    expect(november).toMatchObject({ customers_start: 2, customers_new: 1 });
  });
});

describe('cohorts', () => {
  test('keep whom they lost, month by month', async () => {
    await writeRecords(store, {
      contracts: [
        of('A', 'main', { occurredAt: day('2025-09-03') }),
        of('B', 'main', { occurredAt: day('2025-09-20'), arrMinor: 300_00 }),
        of('B', 'main', { occurredAt: day('2025-11-20'), arrMinor: 330_00 }),
        of('A', 'main', { occurredAt: day('2025-10-20'), status: 'ended' }),
        of('C', 'main', { occurredAt: day('2025-12-02') }),
        // Bug: who left within the first month was in no cohort.
        of('D', 'main', { occurredAt: day('2025-12-03') }),
        of('D', 'main', { occurredAt: day('2025-12-13'), status: 'ended' }),
      ],
    });
    expect(
      await store.rows(
        'SELECT toString(cohort) AS cohort, age, customers, active, retention, arr, nrr FROM cohort_retention ORDER BY cohort, age',
      ),
    ).toEqual([
      { cohort: '2025-09-01', age: 0, customers: 2, active: 2, retention: 1, arr: 400, nrr: 1 },
      { cohort: '2025-09-01', age: 1, customers: 2, active: 1, retention: 0.5, arr: 300, nrr: 0.75 },
      { cohort: '2025-09-01', age: 2, customers: 2, active: 1, retention: 0.5, arr: 330, nrr: 0.825 },
      { cohort: '2025-09-01', age: 3, customers: 2, active: 1, retention: 0.5, arr: 330, nrr: 0.825 },
      { cohort: '2025-12-01', age: 0, customers: 2, active: 1, retention: 0.5, arr: 100, nrr: 1 },
    ]);
  });
});

test('the annual value of a contract is its value by year of its term, not known without a term', async () => {
  await writeRecords(store, {
    contracts: [
      of('A', 'three-years', { termMonths: 36 }),
      of('A', 'a-quarter', { termMonths: 3 }),
      of('B', 'by-dates', { start: day('2025-01-01'), end: day('2075-01-01') }),
      of('C', 'open'),
      // Bug: up to the last day of December was eleven months.
      of('C', 'until', { start: day('2025-01-01'), end: day('2074-12-31') }),
      of('D', 'over', { termMonths: 12, end: day('2025-06-01') }),
      of('E', 'free', { termMonths: 12, arrMinor: 0 }),
    ],
  });
  expect(
    await store.rows(
      'SELECT subscription_id, term_years, contract_value, acv, acv_reporting FROM contract_values ORDER BY subscription_id',
    ),
  ).toEqual([
    { subscription_id: 'A-a-quarter', term_years: 0.25, contract_value: 25, acv: 100, acv_reporting: 100 },
    { subscription_id: 'A-three-years', term_years: 3, contract_value: 300, acv: 100, acv_reporting: 100 },
    { subscription_id: 'B-by-dates', term_years: 50, contract_value: 5000, acv: 100, acv_reporting: 100 },
    { subscription_id: 'C-open', term_years: null, contract_value: null, acv: null, acv_reporting: null },
    { subscription_id: 'C-until', term_years: 50, contract_value: 5000, acv: 100, acv_reporting: 100 },
    { subscription_id: 'E-free', term_years: 1, contract_value: 0, acv: 0, acv_reporting: 0 },
  ]);
});
