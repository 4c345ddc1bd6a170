import type { Bitset } from '../columns/bitset.js';
import { type Column, columnLength, valueAt } from '../columns/column.js';
import type { Fact } from '../columns/fact.js';
import type { Literal } from './condition.js';
import type { Leaf } from './expression.js';
import { type Operator, parseOperator, type Test, testOf } from './operator.js';

/**
 * Writes which rows a comparison holds for into `out` from word `at` on, 32 rows to a word. `left`: the column of the
 * comparison's fact; `right`: that of the fact it is compared with, or `left` again when it is compared with a literal.
 * Bits past the last row may be anything: readers trim them.
 */
export type Kernel = (left: Column, right: Column, out: Uint32Array, at: number) => void;

/**
 * How one comparison runs over its column, which has to be of the fact's kind. Numbers have loops of their own; text and
 * lists look a truth up by dictionary code; whatever is left (comparing two facts, lists as a whole) runs the operator's
 * own test row by row.
 */
export function kernelOf(leaf: Leaf, kind: Fact['kind']): Kernel {
  const operator = parseOperator(leaf.comparison.operator);
  if (operator === undefined) throw new RangeError(`no operator ${leaf.comparison.operator}`);
  const test = testOf(operator);
  if (leaf.otherFact !== null) {
    return (left, right, out, at) => {
      rowByRow(columnLength(left), out, at, (row) => test(valueAt(left, row), valueAt(right, row)));
    };
  }
  const literal = leaf.comparison.value as Literal;
  const present = loopOf(kind, operator, test, literal);
  const onNull = test(null, literal);
  return (left, _right, out, at) => {
    if (left.kind !== kind)
      throw new TypeError(`${leaf.comparison.fact} is a column of ${left.kind}, not of ${kind}`);
    present(left, out, at);
    if (left.valid !== null) setMissing(left.valid, onNull, out, at);
  };
}

/** A loop over the rows that have a value; for the others it may write anything. */
type Loop = (column: Column, out: Uint32Array, at: number) => void;

function loopOf(kind: Fact['kind'], operator: Operator, test: Test, literal: Literal): Loop {
  switch (kind) {
    case 'number':
      return numberLoop(test, literal);
    case 'boolean':
      return booleanLoop(test, literal);
    case 'string':
      return stringLoop(test, literal);
    case 'list':
      return listLoop(operator, test, literal);
  }
}

/** Rows without a value come out as `truth`. */
function setMissing(valid: Bitset, truth: boolean, out: Uint32Array, at: number): void {
  const { words } = valid;
  if (truth) for (let w = 0; w < words.length; w++) out[at + w]! |= ~words[w]!;
  else for (let w = 0; w < words.length; w++) out[at + w]! &= words[w]!;
}

function numberLoop(test: Test, literal: Literal): Loop {
  return (column, out, at) => {
    if (column.kind !== 'number') return;
    const { values } = column;
    rowByRow(values.length, out, at, (row) => test(values[row], literal));
  };
}

function booleanLoop(test: Test, literal: Literal): Loop {
  const onTrue = test(true, literal) ? 0xffffffff : 0;
  const onFalse = test(false, literal) ? 0xffffffff : 0;
  return (column, out, at) => {
    if (column.kind !== 'boolean') return;
    const { words } = column.values;
    for (let w = 0; w < words.length; w++) out[at + w] = (words[w]! & onTrue) | (~words[w]! & onFalse);
  };
}

/** The truth of dictionary entries, worked out once for each dictionary: batches of one stream share theirs. */
class Truths {
  readonly #test: Test;
  readonly #literal: Literal;
  #dictionary: readonly string[] = [];
  /** A stream's dictionary may have grown since. */
  #entries = 0;
  #table = new Uint8Array(8);

  constructor(test: Test, literal: Literal) {
    this.#test = test;
    this.#literal = literal;
  }

  /** 1 for each code whose entry the test holds for. */
  tableOf(dictionary: readonly string[]): Uint8Array {
    if (dictionary === this.#dictionary && dictionary.length === this.#entries) return this.#table;
    if (dictionary.length > this.#table.length) this.#table = new Uint8Array(dictionary.length);
    for (let i = 0; i < dictionary.length; i++) {
      this.#table[i] = this.#test(dictionary[i], this.#literal) ? 1 : 0;
    }
    this.#dictionary = dictionary;
    this.#entries = dictionary.length;
    return this.#table;
  }
}

function stringLoop(test: Test, literal: Literal): Loop {
  const truths = new Truths(test, literal);
  return (column, out, at) => {
    if (column.kind !== 'string') return;
    const { codes, dictionary } = column;
    if (codes.length === 1) {
      // A table of the whole dictionary is not worth it for one row.
      out[at] = test(dictionary[codes[0]!], literal) ? 1 : 0;
      return;
    }
    const table = truths.tableOf(dictionary);
    const rows = codes.length;
    for (let from = 0, w = at; from < rows; from += 32, w++) {
      let word = 0;
      for (let i = Math.min(from + 32, rows) - 1; i >= from; i--) word = (word << 1) | table[codes[i]!]!;
      out[w] = word;
    }
  };
}

/** Lists where each item answers for itself look for one item by code; other operators see the list as a whole. */
function listLoop(operator: Operator, test: Test, literal: Literal): Loop {
  const [outer, ...rest] = operator.decorators;
  const inner = testOf({ decorators: rest, base: operator.base });
  if (outer === 'someFact') return itemLoop(inner, literal, true, true);
  if (outer === 'everyFact') return itemLoop(inner, literal, false, false);
  if (outer === undefined && operator.base === 'contains') {
    return itemLoop((item, value) => item === value, literal, true, true);
  }
  if (outer === undefined && operator.base === 'doesNotContain') {
    return itemLoop((item, value) => item === value, literal, true, false);
  }
  return (column, out, at) => {
    rowByRow(columnLength(column), out, at, (row) => test(valueAt(column, row), literal));
  };
}

/** Looks in each row for an item whose truth is `wanted`; the row comes out as `whenFound` if there is one. */
function itemLoop(test: Test, literal: Literal, wanted: boolean, whenFound: boolean): Loop {
  const truths = new Truths(test, literal);
  const sought = wanted ? 1 : 0;
  const flip = whenFound ? 0 : 1;
  return (column, out, at) => {
    if (column.kind !== 'list') return;
    const { offsets, items } = column;
    const { codes } = items;
    const table = truths.tableOf(items.dictionary);
    const rows = offsets.length - 1;
    for (let from = 0, w = at; from < rows; from += 32, w++) {
      let word = 0;
      for (let i = Math.min(from + 32, rows) - 1; i >= from; i--) {
        let found = 0;
        const end = offsets[i + 1]!;
        for (let k = offsets[i]!; k < end && found === 0; k++) if (table[codes[k]!] === sought) found = 1;
        word = (word << 1) | (found ^ flip);
      }
      out[w] = word;
    }
  };
}

function rowByRow(rows: number, out: Uint32Array, at: number, holds: (row: number) => boolean): void {
  for (let from = 0, w = at; from < rows; from += 32, w++) {
    let word = 0;
    for (let i = Math.min(from + 32, rows) - 1; i >= from; i--) word = (word << 1) | (holds(i) ? 1 : 0);
    out[w] = word;
  }
}
