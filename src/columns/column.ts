import type { Bitset } from './bitset.js';

/**
 * Typed columns: what features, scorecards and rules share. `valid` says which rows have a value; null means all have.
 * What stands in `values` where a row has none is undefined: look at `valid` first.
 *
 * `applicable` says of a feature for which rows it could have a value at all, because what it is made of is sent at all;
 * absent: for all. A row with a value is applicable.
 */
export type Column = NumberColumn | BooleanColumn | StringColumn | ListColumn;

export interface NumberColumn {
  readonly kind: 'number';
  readonly values: Float64Array;
  readonly valid: Bitset | null;
  readonly applicable?: Bitset;
}

export interface BooleanColumn {
  readonly kind: 'boolean';
  readonly values: Bitset;
  readonly valid: Bitset | null;
  readonly applicable?: Bitset;
}

/** Dictionary-encoded text: row i holds `dictionary[codes[i]]`. Dictionary entries are distinct. */
export interface StringColumn {
  readonly kind: 'string';
  readonly codes: Int32Array;
  readonly dictionary: readonly string[];
  readonly valid: Bitset | null;
  readonly applicable?: Bitset;
}

/** A list of texts in each row: row i holds the items from `offsets[i]` up to, not including, `offsets[i + 1]`. */
export interface ListColumn {
  readonly kind: 'list';
  /** One more than there are rows. */
  readonly offsets: Int32Array;
  readonly items: StringColumn;
  readonly valid: Bitset | null;
  readonly applicable?: Bitset;
}

/** What one row of a column is as a plain value. */
export type Value = number | boolean | string | readonly string[] | null;

export function columnLength(column: Column): number {
  switch (column.kind) {
    case 'number':
      return column.values.length;
    case 'boolean':
      return column.values.length;
    case 'string':
      return column.codes.length;
    case 'list':
      return column.offsets.length - 1;
  }
}

/** The value of one row; null where the row has none. */
export function valueAt(column: Column, row: number): Value {
  if (column.valid !== null && !column.valid.has(row)) return null;
  switch (column.kind) {
    case 'number':
      return column.values[row]!;
    case 'boolean':
      return column.values.has(row);
    case 'string':
      return column.dictionary[column.codes[row]!]!;
    case 'list': {
      const items: string[] = [];
      for (let i = column.offsets[row]!; i < column.offsets[row + 1]!; i++) {
        items.push(column.items.dictionary[column.items.codes[i]!]!);
      }
      return items;
    }
  }
}
