import fc from 'fast-check';
import { expect, it } from 'vitest';
import { holdsForOne, NUMBER_LOOPS, type NumberOperator } from '../../src/rules/number-kernel.js';

const OPERATORS = Object.keys(NUMBER_LOOPS) as NumberOperator[];
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
      for (const operator of OPERATORS) {
        const out = new Uint32Array((values.length + 31) >>> 5);
        NUMBER_LOOPS[operator](Float64Array.from(values), y, out, 0);
        const held = values.map((_, i) => ((out[i >>> 5]! >>> (i & 31)) & 1) === 1);
        expect(held).toEqual(values.map((value) => holdsForOne(operator, value, y)));
      }
    }),
    { numRuns: 2_000 },
  );
});
