import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Store } from '../../src/store/store.js';
import { writeRecords } from '../support/contracts.js';
import { tempStore } from '../support/temp-store.js';
import { PRESENT, population } from './random-contracts.js';
import { customerRetentionOf, customersOf, monthAt, periodsOf, retentionOf } from './reference.js';
import { emptyBusiness, expectClose, type Figures } from './support.js';

let store: Store;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ store, close } = await tempStore());
});
afterAll(() => close());

test('retention, churn, revenue by customer and cohorts are those of the textbook, for any population of three years', async () => {
  await fc.assert(
    fc.asyncProperty(population, async (contracts) => {
      await emptyBusiness(store, PRESENT);
      const all = contracts.flat();
      await writeRecords(store, { contracts: all });
      const since = Math.min(PRESENT, ...all.map(({ occurredAt }) => occurredAt));
      const customers = customersOf(contracts);
      const periods = periodsOf(since, PRESENT);
      const keyOf = (period: string, month: number, currency: string) =>
        `${period} ${new Date(month).toISOString().slice(0, 10)} ${currency}`;

      for (const view of ['retention', 'retention_by_currency']) {
        const byCurrency = view === 'retention_by_currency';
        const rows = await store.rows<Record<string, number> & { key: string }>(
          `SELECT *, concat(period, ' ', toString(month), ' ', ${byCurrency ? 'currency' : "''"}) AS key FROM ${view}`,
        );
        const found = new Map(rows.map((row) => [row.key, row]));
        const expected = periods.flatMap((period) =>
          (byCurrency ? ['EUR', 'USD', 'JPY', 'CHF'] : [null]).map((currency) => ({
            key: keyOf(period.period, period.month, currency ?? ''),
            figures: retentionOf(customers, period, currency),
          })),
        );
        const there = expected.filter(
          ({ figures }) =>
            figures.customers_start + figures.customers_end > 0 || figures.customers_not_known > 0,
        );
        expect([...found.keys()].sort()).toEqual(there.map(({ key }) => key).sort());
        for (const { key, figures } of there) expectClose(found.get(key), figures, `${view} ${key}`);
      }

      const rows = await store.rows<Record<string, number | null> & { key: string }>(
        "SELECT *, concat(account_id, ' ', period, ' ', toString(month)) AS key FROM customer_retention",
      );
      const byCustomer = new Map(rows.map((row) => [row.key, row]));
      let there = 0;
      for (const customer of customers) {
        for (const period of periods) {
          const figures = customerRetentionOf(customer, period);
          const key = `${customer.id} ${keyOf(period.period, period.month, '').trim()}`;
          if (figures === null) continue;
          there++;
          expectClose(byCustomer.get(key), figures, `customer_retention ${key}`);
        }
      }
      expect(rows.length).toBe(there);

      const cohorts = await store.rows<Record<string, number> & { cohort: string }>(
        'SELECT *, toUnixTimestamp(toDateTime(cohort)) * 1000 AS cohort_ms FROM cohort_retention',
      );
      const months = periods.filter(({ period }) => period === 'month');
      const wanted = new Map<string, Figures>();
      for (const { month: cohort, closing: firstClosing } of months) {
        const members = customers.filter((customer) => monthAt(customer.since) === cohort);
        for (const { month, closing } of months.filter((one) => one.month >= cohort && members.length > 0)) {
          const now = members.map((member) => ({ first: member.at(firstClosing), last: member.at(closing) }));
          const base = now.filter(({ first }) => first.contracts > 0 && first.reporting !== null);
          const isKnown = base.length > 0 && base.every(({ last }) => last.reporting !== null);
          const arr = isKnown ? base.reduce((sum, { last }) => sum + last.reporting!, 0) : null;
          const active = now.filter(({ last }) => last.contracts > 0).length;
          wanted.set(`${cohort} ${month}`, {
            customers: members.length,
            active,
            retention: active / members.length,
            arr_first: base.length === 0 ? null : base.reduce((sum, { first }) => sum + first.reporting!, 0),
            arr,
          });
        }
      }
      const foundCohorts = new Map(
        cohorts.map((row) => [`${row.cohort_ms} ${monthAt(row.cohort_ms!, row.age)}`, row]),
      );
      expect([...foundCohorts.keys()].sort()).toEqual([...wanted.keys()].sort());
      for (const [key, figures] of wanted) expectClose(foundCohorts.get(key), figures, `cohort ${key}`);
    }),
    { numRuns: 4, endOnFailure: true },
  );
});
