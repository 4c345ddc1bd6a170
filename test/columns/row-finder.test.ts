import fc from 'fast-check';
import { expect, it } from 'vitest';
import { batchOf } from '../../src/columns/batch-of.js';
import { RowFinder } from '../../src/columns/row-finder.js';
import { compareTexts } from '../../src/columns/text-order.js';

const FACTS = [
  { name: 'account_id', kind: 'string' },
  { name: 'subscription_id', kind: 'string' },
] as const;
/** Among them characters whose order in UTF-16 is not that of their bytes in UTF-8. */
const text = fc.string({
  unit: fc.constantFrom('a', 'b', '\u{fffd}', '\u{1f600}', 'é'),
  minLength: 1,
  maxLength: 3,
});
const key = fc.tuple(text, text);
type Key = readonly [string, string];

const bytewise = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
const inOrder = (keys: readonly Key[]) =>
  [...keys].sort((a, b) => bytewise(a[0], b[0]) || bytewise(a[1], b[1]));
const batchFor = (keys: readonly Key[]) =>
  batchOf(
    FACTS,
    keys.map(([account_id, subscription_id]) => ({ account_id, subscription_id })),
  );

it('texts are compared as ClickHouse does, by their bytes', () => {
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(Math.sign(compareTexts(a, b))).toBe(bytewise(a, b));
    }),
  );
});

it('finds the rows that are there and no others, in whatever order they are asked for', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(key, { selector: (one) => one.join('\0'), maxLength: 40 }),
      fc.array(key, { maxLength: 60 }),
      fc.integer({ min: 0, max: 40 }),
      fc.boolean(),
      (there, others, cut, sorted) => {
        const rows = inOrder(there);
        const finder = new RowFinder([batchFor(rows.slice(0, cut)), batchFor(rows.slice(cut))]);
        const asked = sorted ? inOrder([...rows, ...others]) : [...others, ...rows];
        const wanted = new Map(rows.map((one, place) => [one.join('\0'), place]));
        for (const [account, subscription] of asked)
          expect(finder.placeOf(account, subscription)).toBe(wanted.get(`${account}\0${subscription}`) ?? -1);
        expect(finder.length).toBe(rows.length);
      },
    ),
  );
});

it('does not take rows in another order: it would overlook some of them', () => {
  expect(() => new RowFinder([batchFor([['b', 'x']]), batchFor([['a', 'x']])])).toThrow(RangeError);
  expect(
    () =>
      new RowFinder([
        batchFor([
          ['a', 'x'],
          ['a', 'x'],
        ]),
      ]),
  ).toThrow(RangeError);
});
