import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Batch } from '../../src/columns/batch.js';
import { batchOf } from '../../src/columns/batch-of.js';
import type { Column } from '../../src/columns/column.js';
import type { Fact } from '../../src/columns/fact.js';

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
  n: fc.option(fc.double({ noNaN: true })),
  b: fc.option(fc.boolean()),
  s: fc.option(fc.string({ unit: 'binary', maxLength: 5 })),
  l: fc.option(fc.array(fc.string({ maxLength: 3 }), { maxLength: 4 })),
});

const numbers = (...values: number[]): Column => ({
  kind: 'number',
  values: Float64Array.from(values),
  valid: null,
});

describe('a batch', () => {
  it('gives back the rows it was made of, whatever is missing in them', () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 70 }), (rows) => {
        const batch = batchOf(FACTS, rows);
        expect(batch.length).toBe(rows.length);
        expect(rows.map((_, i) => batch.row(i))).toEqual(rows);
      }),
    );
  });

  it('takes an absent member for a missing value', () => {
    expect(batchOf(FACTS, [{}]).row(0)).toEqual({ n: null, b: null, s: null, l: null });
  });

  it('keeps each text once in its dictionary', () => {
    const { columns } = batchOf(FACTS, [{ s: 'a' }, { s: 'b' }, { s: 'a' }, {}]);
    const column = columns.get('s') as Extract<Column, { kind: 'string' }>;
    expect(new Set(column.dictionary).size).toBe(column.dictionary.length);
    expect(column.codes[0]).toBe(column.codes[2]);
  });

  it.each([
    ['n', 'a text'],
    ['b', 1],
    ['s', 1],
    ['l', 'a text'],
    ['l', [1]],
  ])('refuses %s as %j: it is of another kind', (name, value) => {
    expect(() => batchOf(FACTS, [{}, { [name]: value }])).toThrow(new RegExp(`^${name} is .* in row 1`));
  });

  it('refuses a column with another number of rows', () => {
    expect(() => new Batch(2, new Map([['a', numbers(1)]]))).toThrow(/column a has 1 rows in a batch of 2/);
  });

  it('gets columns added or replaced, and stays as it was itself', () => {
    const batch = new Batch(1, new Map([['a', numbers(1)]]));
    const more = batch.with([
      ['a', numbers(2)],
      ['b', numbers(3)],
    ]);
    expect(more.row(0)).toEqual({ a: 2, b: 3 });
    expect(batch.row(0)).toEqual({ a: 1 });
    expect(() => batch.column('b')).toThrow(RangeError);
  });
});
