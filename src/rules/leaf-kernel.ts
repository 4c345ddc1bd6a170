import type { Batch } from '../columns/batch.js';
import type { Bitset } from '../columns/bitset.js';
import {
  type BooleanColumn,
  type Column,
  type ListColumn,
  type NumberColumn,
  type StringColumn,
  valueAt,
} from '../columns/column.js';
import type { Literal } from './condition.js';
import type { Leaf } from './expression.js';
import { type Operator, type OperatorName, parseOperator, type Test, testOf } from './operator.js';

/**
 * Writes which rows of a batch a comparison holds for into `out` from word `at` on, 32 rows to a word. Bits past the
 * batch's length may be anything; the plan trims them once at the end.
 */
export type Kernel = (batch: Batch, out: Uint32Array, at: number) => void;

/**
 * How one comparison runs over its column. Numbers have loops of their own; text and lists look a truth up by dictionary
 * code; whatever is left (comparing two facts, lists as a whole) runs the operator's own test row by row.
 */
export function kernelOf(leaf: Leaf): Kernel {
  const { fact, operator: name, value } = leaf.comparison;
  const operator = parseOperator(name);
  if (operator === undefined) throw new RangeError(`no operator ${name}`);
  const test = testOf(operator);
  if (leaf.otherFact !== null) return twoFacts(fact, leaf.otherFact, test);

  const literal = value as Literal;
  const onNull = test(null, literal);
  const onNumber = numberLoop(operator, literal) ?? testedNumbers(test, literal);
  const onBoolean = booleanTruth(test, literal);
  const onString = byDictionary(test, literal);
  const onList = listLoop(operator, literal) ?? testedRows(test, literal);
  return (batch, out, at) => {
    const column = batch.column(fact);
    switch (column.kind) {
      case 'number':
        onNumber(column, out, at);
        break;
      case 'boolean':
        onBoolean(column, out, at);
        break;
      case 'string':
        onString(column, out, at);
        break;
      case 'list':
        onList(column, out, at);
        break;
    }
    if (column.valid !== null) setMissing(column.valid, onNull, out, at);
  };
}

type ColumnLoop<C extends Column> = (column: C, out: Uint32Array, at: number) => void;

/** Rows without a value come out as `truth`. */
function setMissing(valid: Bitset, truth: boolean, out: Uint32Array, at: number): void {
  const words = valid.words;
  if (truth) for (let w = 0; w < words.length; w++) out[at + w]! |= ~words[w]!;
  else for (let w = 0; w < words.length; w++) out[at + w]! &= words[w]!;
}

type NumberBase = Extract<OperatorName, `${string}Than${string}`> | 'equal';

/** A loop for a number compared with a number; null for other comparisons. */
function numberLoop(operator: Operator, literal: Literal): ColumnLoop<NumberColumn> | null {
  if (typeof literal !== 'number' || operator.decorators.length > 0) return null;
  switch (operator.base) {
    case 'equal':
    case 'lessThan':
    case 'lessThanInclusive':
    case 'greaterThan':
    case 'greaterThanInclusive':
      return compareNumbers(operator.base, literal);
    case 'notEqual': {
      const equal = compareNumbers('equal', literal);
      return (column, out, at) => {
        equal(column, out, at);
        const words = (column.values.length + 31) >>> 5;
        for (let w = 0; w < words; w++) out[at + w] = ~out[at + w]!;
      };
    }
    default:
      return null;
  }
}

/** One closure for each operator, so that the inner loop holds a single comparison that the JIT turns into straight code. */
function compareNumbers(base: NumberBase, y: number): ColumnLoop<NumberColumn> {
  switch (base) {
    case 'equal':
      return packed((values, from, to) => {
        let word = 0;
        for (let i = to - 1; i >= from; i--) word = (word << 1) | (values[i]! === y ? 1 : 0);
        return word;
      });
    case 'lessThan':
      return packed((values, from, to) => {
        let word = 0;
        for (let i = to - 1; i >= from; i--) word = (word << 1) | (values[i]! < y ? 1 : 0);
        return word;
      });
    case 'lessThanInclusive':
      return packed((values, from, to) => {
        let word = 0;
        for (let i = to - 1; i >= from; i--) word = (word << 1) | (values[i]! <= y ? 1 : 0);
        return word;
      });
    case 'greaterThan':
      return packed((values, from, to) => {
        let word = 0;
        for (let i = to - 1; i >= from; i--) word = (word << 1) | (values[i]! > y ? 1 : 0);
        return word;
      });
    case 'greaterThanInclusive':
      return packed((values, from, to) => {
        let word = 0;
        for (let i = to - 1; i >= from; i--) word = (word << 1) | (values[i]! >= y ? 1 : 0);
        return word;
      });
  }
}

function packed(
  wordOf: (values: Float64Array, from: number, to: number) => number,
): ColumnLoop<NumberColumn> {
  return (column, out, at) => {
    const { values } = column;
    const rows = values.length;
    for (let from = 0, w = at; from < rows; from += 32, w++) {
      out[w] = wordOf(values, from, Math.min(from + 32, rows));
    }
  };
}

/** Numbers with any other operator or value. */
function testedNumbers(test: Test, literal: Literal): ColumnLoop<NumberColumn> {
  return packed((values, from, to) => {
    let word = 0;
    for (let i = to - 1; i >= from; i--) word = (word << 1) | (test(values[i]!, literal) ? 1 : 0);
    return word;
  });
}

function booleanTruth(test: Test, literal: Literal): ColumnLoop<BooleanColumn> {
  const onTrue = test(true, literal) ? 0xffffffff : 0;
  const onFalse = test(false, literal) ? 0xffffffff : 0;
  return (column, out, at) => {
    const { words } = column.values;
    for (let w = 0; w < words.length; w++) out[at + w] = (words[w]! & onTrue) | (~words[w]! & onFalse);
  };
}

/** The truth of each dictionary entry, worked out once for each dictionary: batches of one stream share theirs. */
function truths(test: Test, literal: Literal): (dictionary: readonly string[]) => Uint8Array {
  let last: readonly string[] | undefined;
  let table = new Uint8Array(0);
  return (dictionary) => {
    if (dictionary !== last || table.length !== dictionary.length) {
      table = Uint8Array.from(dictionary, (entry) => (test(entry, literal) ? 1 : 0));
      last = dictionary;
    }
    return table;
  };
}

function byDictionary(test: Test, literal: Literal): ColumnLoop<StringColumn> {
  const tableOf = truths(test, literal);
  return (column, out, at) => {
    const table = tableOf(column.dictionary);
    const { codes } = column;
    const rows = codes.length;
    for (let from = 0, w = at; from < rows; from += 32, w++) {
      let word = 0;
      for (let i = Math.min(from + 32, rows) - 1; i >= from; i--) {
        word = (word << 1) | table[codes[i]!]!;
      }
      out[w] = word;
    }
  };
}

/** Lists where each item answers for itself: contains, doesNotContain, someFact, everyFact. Null for other operators. */
function listLoop(operator: Operator, literal: Literal): ColumnLoop<ListColumn> | null {
  const [outer, ...rest] = operator.decorators;
  if (outer === undefined && (operator.base === 'contains' || operator.base === 'doesNotContain')) {
    const found = operator.base === 'contains';
    return itemLoop((item, value) => item === value, literal, 1, found);
  }
  const inner = testOf({ decorators: rest, base: operator.base });
  if (outer === 'someFact') return itemLoop(inner, literal, 1, true);
  if (outer === 'everyFact') return itemLoop(inner, literal, 0, false);
  return null;
}

/** Looks in each row for an item whose truth is `wanted`; the row comes out as `whenFound` if there is one. */
function itemLoop(test: Test, literal: Literal, wanted: 0 | 1, whenFound: boolean): ColumnLoop<ListColumn> {
  const tableOf = truths(test, literal);
  const flip = whenFound ? 0 : 1;
  return (column, out, at) => {
    const table = tableOf(column.items.dictionary);
    const { offsets, items } = column;
    const rows = offsets.length - 1;
    for (let from = 0, w = at; from < rows; from += 32, w++) {
      let word = 0;
      for (let i = Math.min(from + 32, rows) - 1; i >= from; i--) {
        let found = 0;
        for (let k = offsets[i]!; k < offsets[i + 1]!; k++) {
          if (table[items.codes[k]!] === wanted) {
            found = 1;
            break;
          }
        }
        word = (word << 1) | (found ^ flip);
      }
      out[w] = word;
    }
  };
}

function testedRows(test: Test, literal: Literal): ColumnLoop<ListColumn> {
  return (column, out, at) => {
    rowByRow(column.offsets.length - 1, out, at, (row) => test(valueAt(column, row), literal));
  };
}

/** Two facts against each other: numbers in a loop, all else by the operator's test. */
function twoFacts(fact: string, otherFact: string, test: Test): Kernel {
  return (batch, out, at) => {
    const left = batch.column(fact);
    const right = batch.column(otherFact);
    if (left.kind === 'number' && right.kind === 'number' && left.valid === null && right.valid === null) {
      const a = left.values;
      const b = right.values;
      rowByRow(batch.length, out, at, (row) => test(a[row]!, b[row]!));
      return;
    }
    rowByRow(batch.length, out, at, (row) => test(valueAt(left, row), valueAt(right, row)));
  };
}

function rowByRow(rows: number, out: Uint32Array, at: number, holds: (row: number) => boolean): void {
  for (let from = 0, w = at; from < rows; from += 32, w++) {
    let word = 0;
    for (let i = Math.min(from + 32, rows) - 1; i >= from; i--) {
      word = (word << 1) | (holds(i) ? 1 : 0);
    }
    out[w] = word;
  }
}
