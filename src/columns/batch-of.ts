import { Batch } from './batch.js';
import { Bitset } from './bitset.js';
import type { Column, StringColumn } from './column.js';
import type { Fact } from './fact.js';

/**
 * Columns out of one object per row, for callers that have objects: rule tests, `rules try`, single subscriptions. A
 * fact that a row lacks, or has as null, has no value there. Throws a TypeError when a value is not of its fact's kind.
 */
export function batchOf(
  facts: Iterable<Pick<Fact, 'name' | 'kind'>>,
  rows: readonly Readonly<Record<string, unknown>>[],
): Batch {
  const columns = new Map<string, Column>();
  for (const fact of facts) columns.set(fact.name, columnOf(fact, rows));
  return new Batch(rows.length, columns);
}

function columnOf(
  { name, kind }: Pick<Fact, 'name' | 'kind'>,
  rows: readonly Readonly<Record<string, unknown>>[],
): Column {
  switch (kind) {
    case 'number':
      return numbers(name, rows);
    case 'boolean':
      return booleans(name, rows);
    case 'string':
      return strings(name, rows);
    case 'list':
      return lists(name, rows);
  }
}

type Rows = readonly Readonly<Record<string, unknown>>[];

function numbers(name: string, rows: Rows): Column {
  const values = new Float64Array(rows.length);
  let valid: Bitset | null = null;
  for (let row = 0; row < rows.length; row++) {
    const value = rows[row]![name];
    if (typeof value === 'number') values[row] = value;
    else valid = missing(name, 'number', value, row, rows.length, valid);
  }
  return { kind: 'number', values, valid };
}

function booleans(name: string, rows: Rows): Column {
  const values = new Bitset(rows.length);
  let valid: Bitset | null = null;
  for (let row = 0; row < rows.length; row++) {
    const value = rows[row]![name];
    if (value === true) values.add(row);
    else if (value !== false) valid = missing(name, 'boolean', value, row, rows.length, valid);
  }
  return { kind: 'boolean', values, valid };
}

function strings(name: string, rows: Rows): Column {
  const encoder = new Encoder(rows.length);
  let valid: Bitset | null = null;
  for (let row = 0; row < rows.length; row++) {
    const value = rows[row]![name];
    if (typeof value === 'string') encoder.add(value);
    else {
      encoder.add('');
      valid = missing(name, 'string', value, row, rows.length, valid);
    }
  }
  return encoder.column(valid);
}

function lists(name: string, rows: Rows): Column {
  const offsets = new Int32Array(rows.length + 1);
  const encoder = new Encoder(rows.length);
  let valid: Bitset | null = null;
  for (let row = 0; row < rows.length; row++) {
    const value = rows[row]![name];
    if (isTextList(value)) for (const item of value) encoder.add(item);
    else valid = missing(name, 'list', value, row, rows.length, valid);
    offsets[row + 1] = encoder.length;
  }
  return { kind: 'list', offsets, items: encoder.column(null), valid };
}

/** Notes that a row has no value, or throws when it has one of another kind. */
function missing(
  name: string,
  kind: Fact['kind'],
  value: unknown,
  row: number,
  rows: number,
  valid: Bitset | null,
): Bitset {
  if (value !== undefined && value !== null) {
    throw new TypeError(`${name} is ${JSON.stringify(value)} in row ${row}, and not a ${kind}`);
  }
  const noted = valid ?? Bitset.full(rows);
  noted.remove(row);
  return noted;
}

/** Entries up to which a dictionary is searched one by one; that is faster than a map, and one row has but a few. */
const SEARCHED = 8;

/** Dictionary-encodes texts. */
class Encoder {
  #codeOf: Map<string, number> | null = null;
  readonly #dictionary: string[] = [];
  #codes: Int32Array;
  length = 0;

  constructor(expected: number) {
    this.#codes = new Int32Array(expected);
  }

  add(text: string): void {
    if (this.length === this.#codes.length) {
      const larger = new Int32Array(Math.max(4, this.length * 2));
      larger.set(this.#codes);
      this.#codes = larger;
    }
    this.#codes[this.length++] = this.#code(text);
  }

  column(valid: Bitset | null): StringColumn {
    const codes = this.#codes.length === this.length ? this.#codes : this.#codes.slice(0, this.length);
    return { kind: 'string', codes, dictionary: this.#dictionary, valid };
  }

  #code(text: string): number {
    const dictionary = this.#dictionary;
    const known = this.#codeOf === null ? dictionary.indexOf(text) : (this.#codeOf.get(text) ?? -1);
    if (known >= 0) return known;
    const code = dictionary.push(text) - 1;
    if (this.#codeOf !== null) this.#codeOf.set(text, code);
    else if (dictionary.length > SEARCHED) this.#codeOf = new Map(dictionary.map((entry, i) => [entry, i]));
    return code;
  }
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
