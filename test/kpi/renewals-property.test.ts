import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DAY_MS } from '../../src/core/clock.js';
import { exponentOf } from '../../src/core/money.js';
import type { Outcome, Subscription } from '../../src/signals/subscription.js';
import type { Store } from '../../src/store/store.js';
import { contract, day, outcome, writeRecords } from '../support/contracts.js';
import { tempStore } from '../support/temp-store.js';
import { emptyBusiness, RATES } from './support.js';

const PRESENT = day('2026-01-01');

let store: Store;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ store, close } = await tempStore());
});
afterAll(() => close());

/** How one term of a contract ends: contracts come to their renewal date every twelve months. */
const term = fc.record({
  kind: fc.constantFrom('renewed', 'renewed', 'churned', 'expanded', 'contracted'),
  /** Days from the renewal date to the outcome. */
  late: fc.constantFrom(0, 0, 0, -20, 5),
  saysTerm: fc.boolean(),
  before: fc.option(fc.integer({ min: 1, max: 90_000 }), { freq: 6, nil: null }),
  after: fc.option(fc.integer({ min: 1, max: 90_000 }), { freq: 6, nil: null }),
});
const contracts = fc.array(
  fc.record({
    currency: fc.constantFrom('EUR', 'USD', 'JPY', 'CHF'),
    startDay: fc.integer({ min: 0, max: 700 }),
    terms: fc.array(term, { minLength: 1, maxLength: 2 }),
  }),
  { minLength: 10, maxLength: 60 },
);

const monthOf = (at: number) => `${new Date(at).toISOString().slice(0, 7)}-01`;

test('renewal rates are those of the textbook, for any way in which terms end within three years', async () => {
  await fc.assert(
    fc.asyncProperty(contracts, async (all) => {
      await emptyBusiness(store, PRESENT);
      const records = { contracts: [] as Subscription[], outcomes: [] as Outcome[] };
      const expected = new Map<string, number[]>();
      all.forEach(({ currency, startDay, terms }, index) => {
        const id = { accountId: `a${index}`, subscriptionId: `s${index}` };
        let start = day('2023-01-01') + startDay * DAY_MS;
        for (const { kind, late, saysTerm, before, after } of terms) {
          const due = start + 365 * DAY_MS;
          records.contracts.push(contract({ ...id, occurredAt: start, currency, renewal: due }));
          const occurredAt = due + late * DAY_MS;
          records.outcomes.push(
            outcome({
              ...id,
              occurredAt,
              kind: kind as 'renewed',
              currency,
              arrBeforeMinor: before,
              arrAfterMinor: after,
              termEnd: saysTerm ? due : null,
            }),
          );
          const isTerm = saysTerm || kind === 'renewed' || kind === 'churned' || Math.abs(late) <= 1;
          if (isTerm && due <= PRESENT) {
            const of = expected.get(`${monthOf(due)} ${currency}`) ?? [0, 0, 0, 0, 0, 0];
            const next = kind === 'churned' ? 0 : after;
            const isKnown = before !== null && next !== null;
            const unit = 10 ** exponentOf(currency)!;
            of[0]!++;
            if (kind !== 'churned') of[1]!++;
            if (!isKnown) of[2]!++;
            of[3]! += isKnown ? before / unit : 0;
            of[4]! += isKnown ? Math.min(before, next) / unit : 0;
            of[5]! += isKnown ? next / unit : 0;
            expected.set(`${monthOf(due)} ${currency}`, of);
          }
          start = due;
        }
      });
      await writeRecords(store, records);
      const rows = await store.rows<Record<string, number> & { key: string }>(
        "SELECT *, concat(toString(month), ' ', currency) AS key FROM renewal_rates",
      );
      expect(rows.map(({ key }) => key).sort()).toEqual([...expected.keys()].sort());
      for (const row of rows) {
        const [due, renewed, notKnown, before, kept, after] = expected.get(row.key)!;
        const rate = RATES.get(row.key.slice(-3));
        /** Of nothing that is known there is no sum. */
        const sum = (value: number | undefined) => (due === notKnown ? null : value!);
        expect([row.due, row.renewed, row.churned, row.not_known, row.logo_renewal_rate]).toEqual([
          due,
          renewed,
          due! - renewed!,
          notKnown,
          renewed! / due!,
        ]);
        for (const [found, wanted] of [
          [row.arr_due, sum(before)],
          [row.arr_renewed, sum(kept)],
          [row.arr_after, sum(after)],
          [row.arr_renewed_reporting, rate === undefined ? null : sum(kept! * rate)],
          [row.gross_renewal_rate, before === 0 ? null : kept! / before!],
        ])
          if (wanted === null) expect(found).toBeNull();
          else expect(found! / Math.max(1, wanted!)).toBeCloseTo(wanted! / Math.max(1, wanted!), 9);
      }
    }),
    { numRuns: 5, endOnFailure: true },
  );
});
