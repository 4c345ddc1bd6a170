import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  NUMBER_LOOPS,
  NUMBER_OPERATORS,
  type NumberOperator,
  numbersOfOne,
} from '../../src/rules/number-kernel.js';

const JAVASCRIPT: Record<NumberOperator, (x: number, y: number) => boolean> = {
  equal: (x, y) => x === y,
  lessThan: (x, y) => x < y,
  lessThanInclusive: (x, y) => x <= y,
  greaterThan: (x, y) => x > y,
  greaterThanInclusive: (x, y) => x >= y,
};
/** Many equal ones, both zeros, and the ends of what a float can be. */
const number = fc.oneof(
  fc.constantFrom(0, -0, 1, -1, 5e-324, -5e-324, Number.MAX_VALUE, -Number.MAX_VALUE, 0.1, 0.3),
  fc.integer({ min: -3, max: 3 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

// Bug: a difference of -0 has a sign, and 0 came out as greater than -0.
it('a loop over rows says of each what JavaScript says, zeros of either sign included', () => {
  fc.assert(
    fc.property(fc.array(number, { minLength: 1, maxLength: 100 }), number, (values, y) => {
      for (const operator of NUMBER_OPERATORS) {
        const out = new Uint32Array((values.length + 31) >>> 5);
        NUMBER_LOOPS[operator](Float64Array.from(values), y, out, 0);
        const held = values.map((_, i) => ((out[i >>> 5]! >>> (i & 31)) & 1) === 1);
        expect(held).toEqual(values.map((value) => JAVASCRIPT[operator](value, y)));
      }
    }),
    { numRuns: 2_000 },
  );
});

it('one row through many comparisons says of each what JavaScript says, a missing value included', () => {
  const comparison = fc.tuple(fc.nat(2), fc.constantFrom(...NUMBER_OPERATORS), number);
  const row = fc.array(fc.oneof(number, fc.constant(Number.NaN)), { minLength: 3, maxLength: 3 });
  fc.assert(
    fc.property(row, fc.array(comparison, { maxLength: 50 }), (values, comparisons) => {
      const out = new Uint32Array(comparisons.length).fill(7);
      numbersOfOne(
        Float64Array.from(values),
        Int32Array.from(comparisons, ([place]) => place),
        Uint8Array.from(comparisons, ([, operator]) => NUMBER_OPERATORS.indexOf(operator)),
        Float64Array.from(comparisons, ([, , y]) => y),
        out,
      );
      expect([...out]).toEqual(
        comparisons.map(([place, operator, y]) => Number(JAVASCRIPT[operator](values[place]!, y))),
      );
    }),
    { numRuns: 2_000 },
  );
});
