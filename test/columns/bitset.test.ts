import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Bitset } from '../../src/columns/bitset.js';

/** Lengths around the borders of words, where mistakes hide. */
const length = fc.oneof(fc.integer({ min: 0, max: 200 }), fc.constantFrom(0, 1, 31, 32, 33, 63, 64, 65));

const members = length.chain((n) =>
  fc.record({
    length: fc.constant(n),
    a: fc.array(fc.boolean(), { minLength: n, maxLength: n }),
    b: fc.array(fc.boolean(), { minLength: n, maxLength: n }),
  }),
);

function bitsetOf(bits: readonly boolean[]): Bitset {
  const set = new Bitset(bits.length);
  bits.forEach((bit, i) => {
    if (bit) set.add(i);
  });
  return set;
}

const indices = (bits: readonly boolean[]) => bits.flatMap((bit, i) => (bit ? [i] : []));

describe('a bitset', () => {
  it('holds what was added, in rising order, and counts it', () => {
    fc.assert(
      fc.property(members, ({ a }) => {
        const set = bitsetOf(a);
        expect([...set]).toEqual(indices(a));
        expect(set.count()).toBe(indices(a).length);
        expect(set.isEmpty()).toBe(!a.includes(true));
        expect(a.map((_, i) => set.has(i))).toEqual(a);
      }),
    );
  });

  it('combines as sets do, and leaves the other operand alone', () => {
    fc.assert(
      fc.property(members, ({ a, b }) => {
        const [x, y] = [bitsetOf(a), bitsetOf(b)];
        expect([...x.clone().and(y)]).toEqual(indices(a.map((bit, i) => bit && b[i]!)));
        expect([...x.clone().or(y)]).toEqual(indices(a.map((bit, i) => bit || b[i]!)));
        expect([...x.clone().not()]).toEqual(indices(a.map((bit) => !bit)));
        expect([...x]).toEqual(indices(a));
        expect([...y]).toEqual(indices(b));
      }),
    );
  });

  it('keeps the bits past its length at 0, so that words can be compared and counted', () => {
    fc.assert(
      fc.property(members, ({ length: n, a }) => {
        expect(Bitset.full(n).count()).toBe(n);
        expect(bitsetOf(a).not().not().words).toEqual(bitsetOf(a).words);
        expect(Bitset.full(n).not().isEmpty()).toBe(true);
        expect(new Bitset(n).not().words).toEqual(Bitset.full(n).words);
      }),
    );
  });

  it('forgets what was removed, and nothing else', () => {
    fc.assert(
      fc.property(members, ({ a, b }) => {
        const set = bitsetOf(a);
        b.forEach((bit, i) => {
          if (bit) set.remove(i);
        });
        expect([...set]).toEqual(indices(a.map((bit, i) => bit && !b[i]!)));
      }),
    );
  });
});
