import * as fc from 'fast-check';
import { DAY_MS, type Millis } from '../../src/core/clock.js';
import type { Subscription } from '../../src/signals/subscription.js';
import { contract, day } from '../support/contracts.js';

const FIRST = day('2023-01-01');
export const PRESENT = day('2026-01-01') + 12 * 3_600_000;
const DAYS = 1_096;

/** Any time of three years, often a midnight, often the first of a month. */
const time: fc.Arbitrary<Millis> = fc.oneof(
  fc.integer({ min: 0, max: DAYS * 24 }).map((hours) => FIRST + hours * 3_600_000),
  fc.integer({ min: 0, max: DAYS }).map((days) => FIRST + days * DAY_MS),
  fc.integer({ min: 0, max: 36 }).map((months) => Date.UTC(2023, months, 1)),
);
const date = time.map((at) => at - (at % DAY_MS));
const rarely = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { freq: 3, nil: null });

const version = fc.record({
  at: time,
  status: fc.constantFrom('active', 'active', 'active', 'active', 'past_due', 'trialing', 'paused', 'ended'),
  arrMinor: fc.option(fc.integer({ min: 0, max: 90_000 }), { freq: 9, nil: null }),
  currency: fc.constantFrom('EUR', 'EUR', 'EUR', 'USD', 'JPY', 'CHF', ''),
  end: rarely(date),
  start: rarely(date),
});

const contractPlan = fc.record({
  /** In most contracts the currency stays, and so does the value for a while. */
  currency: fc.option(fc.constantFrom('EUR', 'USD', 'JPY', 'CHF'), { freq: 9, nil: null }),
  start: fc.option(
    fc.integer({ min: -700, max: 1_000 }).map((days) => FIRST + days * DAY_MS),
    { nil: null },
  ),
  versions: fc.uniqueArray(version, { minLength: 1, maxLength: 6, selector: ({ at }) => at }),
  /** Of the account, in per cent of all: where it moves with its last version. */
  movesTo: rarely(fc.integer({ min: 0, max: 99 })),
});

/** A population: contracts, each as its versions in order of time. */
export const population: fc.Arbitrary<readonly (readonly Subscription[])[]> = fc
  .array(fc.array(contractPlan, { minLength: 1, maxLength: 3 }), { minLength: 20, maxLength: 60 })
  .map((accounts) =>
    accounts.flatMap((plans, account) =>
      plans.map(({ currency, start, versions, movesTo }, index) =>
        versions
          .toSorted((a, b) => a.at - b.at)
          .map((of, i) => {
            const moves = movesTo !== null && i > 0 && i === versions.length - 1;
            const to = moves ? Math.floor((movesTo * accounts.length) / 100) : account;
            return contract({
              accountId: `account-${to}`,
              subscriptionId: `account-${account}-${index}`,
              occurredAt: of.at,
              status: of.status as Subscription['status'],
              arrMinor: of.arrMinor,
              currency: currency ?? of.currency,
              // Contracts of different days are not one that moved.
              start: movesTo === null ? (of.start ?? start) : start,
              end: of.end,
            });
          }),
      ),
    ),
  );
