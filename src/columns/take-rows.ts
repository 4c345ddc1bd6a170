import { Batch } from './batch.js';
import { Bitset } from './bitset.js';
import type { BooleanColumn, Column, ListColumn, NumberColumn, StringColumn } from './column.js';

/** The rows at these places, in this order. */
export function takeRows(batch: Batch, rows: Int32Array): Batch {
  return new Batch(
    rows.length,
    new Map([...batch.columns].map(([name, column]) => [name, takeColumn(column, rows)])),
  );
}

export function takeColumn(column: NumberColumn, rows: Int32Array): NumberColumn;
export function takeColumn(column: StringColumn, rows: Int32Array): StringColumn;
export function takeColumn(column: Column, rows: Int32Array): Column;
export function takeColumn(column: Column, rows: Int32Array): Column {
  const valid = column.valid === null ? null : takeBits(column.valid, rows);
  const applicable = column.applicable === undefined ? {} : { applicable: takeBits(column.applicable, rows) };
  switch (column.kind) {
    case 'number':
      return {
        kind: 'number',
        values: takeNumbers(column.values, rows),
        valid,
        ...applicable,
      };
    case 'boolean':
      return {
        kind: 'boolean',
        values: takeBits(column.values, rows),
        valid,
        ...applicable,
      } satisfies BooleanColumn;
    case 'string':
      return { ...column, codes: Int32Array.from(rows, (row) => column.codes[row]!), valid, ...applicable };
    case 'list':
      return { ...takeLists(column, rows), valid, ...applicable };
  }
}

/** The numbers at these places. A loop: `Float64Array.from` with a function takes ten times as long. */
export function takeNumbers(values: Float64Array, rows: ArrayLike<number>): Float64Array {
  const taken = new Float64Array(rows.length);
  for (let i = 0; i < taken.length; i++) taken[i] = values[rows[i]!]!;
  return taken;
}

function takeBits(bits: Bitset, rows: Int32Array): Bitset {
  const taken = new Bitset(rows.length);
  rows.forEach((row, i) => {
    if (bits.has(row)) taken.add(i);
  });
  return taken;
}

function takeLists(
  { offsets, items }: ListColumn,
  rows: Int32Array,
): Pick<ListColumn, 'kind' | 'offsets' | 'items'> {
  const taken = new Int32Array(rows.length + 1);
  const places: number[] = [];
  rows.forEach((row, i) => {
    for (let item = offsets[row]!; item < offsets[row + 1]!; item++) places.push(item);
    taken[i + 1] = places.length;
  });
  return { kind: 'list', offsets: taken, items: takeColumn(items, Int32Array.from(places)) };
}
