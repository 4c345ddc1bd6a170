import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Batch } from '../../src/columns/batch.js';
import { Bitset } from '../../src/columns/bitset.js';
import { type NumberColumn, valueAt } from '../../src/columns/column.js';
import type { FeatureCatalogue } from '../../src/features/catalogue.js';
import { inRange } from '../../src/features/in-range.js';

it('gives each value within its range, the nearer end for one outside, and nothing for what is no number', () => {
  const value = fc.option(fc.oneof(fc.double(), fc.constantFrom(Number.NaN, Infinity, -Infinity)), {
    nil: null,
  });
  const end = fc.option(fc.integer({ min: -5, max: 5 }), { nil: null });
  fc.assert(
    fc.property(fc.array(value, { maxLength: 40 }), end, end, (given, one, other) => {
      const [least, most] = one !== null && other !== null && one > other ? [other, one] : [one, other];
      const catalogue = { features: [{ name: 'x', range: [least, most] }] } as unknown as FeatureCatalogue;
      const after = inRange(new Batch(given.length, new Map([['x', column(given)]])), catalogue).column('x');
      for (const [row, before] of given.entries()) {
        const expected =
          before === null || !Number.isFinite(before)
            ? null
            : before < (least ?? before)
              ? least
              : before > (most ?? before)
                ? most
                : before;
        expect(valueAt(after, row)).toBe(expected);
      }
    }),
  );
});

function column(given: readonly (number | null)[]): NumberColumn {
  const valid = Bitset.full(given.length);
  for (const [row, value] of given.entries()) if (value === null) valid.remove(row);
  const all = given.every((value) => value !== null);
  return {
    kind: 'number',
    values: Float64Array.from(given, (value) => value ?? 0),
    valid: all ? null : valid,
  };
}
