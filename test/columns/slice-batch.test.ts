import fc from 'fast-check';
import { expect, it } from 'vitest';
import { batchOf } from '../../src/columns/batch-of.js';
import type { Fact } from '../../src/columns/fact.js';
import { sliceBatch } from '../../src/columns/slice-batch.js';

const fact = (name: string, kind: Fact['kind']): Fact => ({
  name,
  kind,
  description: '',
  unit: '',
  range: [null, null],
  values: null,
  origin: 'feature',
  optional: true,
});
const FACTS = [fact('n', 'number'), fact('b', 'boolean'), fact('s', 'string'), fact('l', 'list')];
const row = fc.record({
  n: fc.option(fc.integer()),
  b: fc.option(fc.boolean()),
  s: fc.option(fc.constantFrom('x', 'y', '')),
  l: fc.option(fc.array(fc.constantFrom('p', 'q'), { maxLength: 3 })),
});

it('a slice has the rows of its part, in every kind of column', () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 150 }), fc.nat(4), fc.nat(150), (rows, words, length) => {
      const batch = batchOf(FACTS, rows);
      const from = Math.min(words * 32, rows.length - (rows.length % 32));
      const to = Math.min(rows.length, from + length);
      const slice = sliceBatch(batch, from, to);
      expect(Array.from({ length: slice.length }, (_, i) => slice.row(i))).toEqual(
        Array.from({ length: to - from }, (_, i) => batch.row(from + i)),
      );
    }),
    { numRuns: 50 },
  );
});
