import { Batch } from './batch.js';
import { Bitset } from './bitset.js';
import type { Column, StringColumn, Value } from './column.js';
import type { Fact } from './fact.js';

/**
 * Columns out of one object per row, for callers that have objects: rule tests, `rules try`, benchmarks. A fact that a
 * row lacks, or has as null, has no value there. Throws a TypeError when a value is not of its fact's kind.
 */
export function batchOf(facts: Iterable<Fact>, rows: readonly Readonly<Record<string, unknown>>[]): Batch {
  const columns = new Map<string, Column>();
  for (const fact of facts) columns.set(fact.name, columnOf(fact, rows));
  return new Batch(rows.length, columns);
}

function columnOf(fact: Fact, rows: readonly Readonly<Record<string, unknown>>[]): Column {
  const { name } = fact;
  const read = (row: number): Value => {
    const value = rows[row]![name];
    if (value === undefined || value === null) return null;
    const fits = fact.kind === 'list' ? isTextList(value) : typeof value === fact.kind;
    if (!fits)
      throw new TypeError(`${name} is ${JSON.stringify(value)} in row ${row}, and not a ${fact.kind}`);
    return value as Value;
  };
  const valid = validity(rows.length, (row) => read(row) !== null);
  switch (fact.kind) {
    case 'number': {
      const values = new Float64Array(rows.length);
      for (let row = 0; row < rows.length; row++) values[row] = (read(row) as number | null) ?? 0;
      return { kind: 'number', values, valid };
    }
    case 'boolean': {
      const values = new Bitset(rows.length);
      for (let row = 0; row < rows.length; row++) if (read(row) === true) values.add(row);
      return { kind: 'boolean', values, valid };
    }
    case 'string': {
      const texts: string[] = [];
      for (let row = 0; row < rows.length; row++) texts.push((read(row) as string | null) ?? '');
      return { ...encode(texts), valid };
    }
    case 'list': {
      const offsets = new Int32Array(rows.length + 1);
      const texts: string[] = [];
      for (let row = 0; row < rows.length; row++) {
        texts.push(...((read(row) as readonly string[] | null) ?? []));
        offsets[row + 1] = texts.length;
      }
      return { kind: 'list', offsets, items: encode(texts), valid };
    }
  }
}

/** Dictionary-encodes texts. */
function encode(texts: readonly string[]): StringColumn {
  const codeOf = new Map<string, number>();
  const codes = new Int32Array(texts.length);
  texts.forEach((text, i) => {
    let code = codeOf.get(text);
    if (code === undefined) {
      code = codeOf.size;
      codeOf.set(text, code);
    }
    codes[i] = code;
  });
  return { kind: 'string', codes, dictionary: [...codeOf.keys()], valid: null };
}

/** Null when every row has a value. */
function validity(length: number, has: (row: number) => boolean): Bitset | null {
  let valid: Bitset | null = null;
  for (let row = 0; row < length; row++) {
    if (has(row)) continue;
    valid ??= Bitset.full(length);
    valid.remove(row);
  }
  return valid;
}

function isTextList(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
