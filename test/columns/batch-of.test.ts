import fc from 'fast-check';
import { expect, it } from 'vitest';
import { batchOf } from '../../src/columns/batch-of.js';
import { RANDOM_FACTS, rowArb } from '../rules/random-rules.js';

it('gives back the rows it was made of; what a row lacks is null', () => {
  fc.assert(
    fc.property(fc.array(rowArb, { maxLength: 70 }), (rows) => {
      const batch = batchOf(RANDOM_FACTS, rows);
      expect(batch.length).toBe(rows.length);
      rows.forEach((row, i) => {
        expect(batch.row(i)).toEqual(
          Object.fromEntries(RANDOM_FACTS.map(({ name }) => [name, row[name] ?? null])),
        );
      });
    }),
  );
});

it('encodes each text once, however often it stands in rows', () => {
  const batch = batchOf(RANDOM_FACTS, [
    { s1: 'a', l1: ['a', 'b', 'a'] },
    { s1: 'b', l1: [] },
    { s1: 'a', l1: ['b'] },
  ]);
  expect(batch.column('s1')).toMatchObject({
    dictionary: ['a', 'b'],
    codes: Int32Array.of(0, 1, 0),
    valid: null,
  });
  expect(batch.column('l1')).toMatchObject({
    offsets: Int32Array.of(0, 3, 3, 4),
    items: { dictionary: ['a', 'b'], codes: Int32Array.of(0, 1, 0, 1) },
  });
});

it.each([
  [{ n1: '7' }, 'n1 is "7" in row 0, and not a number'],
  [{ b1: 1 }, 'b1 is 1 in row 0, and not a boolean'],
  [{ s1: true }, 's1 is true in row 0, and not a string'],
  [{ l1: ['a', 2] }, 'l1 is ["a",2] in row 0, and not a list'],
])('refuses a value of another kind: %j', (row, message) => {
  expect(() => batchOf(RANDOM_FACTS, [row])).toThrow(new TypeError(message));
});
