import { Bitset } from '../../columns/bitset.js';
import type { NumberColumn, StringColumn } from '../../columns/column.js';
import { daysIn, isMissing, numberIn, numberStyleOf } from './parse-cell.js';

/** A column read as what it holds. */
export interface ReadColumn {
  readonly kind: 'number' | 'date' | 'text';
  readonly column: NumberColumn | StringColumn;
  /** Cells that hold something, and how many different things. */
  readonly filled: number;
  readonly distinct: number;
  /** Of a column of numbers or dates: words that some cells have instead, which count as missing, and in how many cells. */
  readonly words: readonly string[];
  readonly wordCells: number;
}

/** Share of the filled cells that must be numbers (or dates) for the column to be one, whatever the others are. */
const MOSTLY = 0.98;
/** The same where the others are only so many different words, such as "unknown" or "inf", beside many different numbers. */
const HALF = 0.5;
const MOST_WORDS = 3;
const MANY_NUMBERS = 20;

/** Tells numbers, dates and texts apart by what the cells hold. */
export function readColumn(cells: readonly string[]): ReadColumn {
  const held = cells.filter((cell) => !isMissing(cell)).map((cell) => cell.trim());
  const filled = held.length;
  const distinct = new Set(held).size;
  const style = numberStyleOf(held);
  for (const [kind, parse] of [
    ['number', (cell: string) => numberIn(cell, style)],
    ['date', daysIn],
  ] as const) {
    const others = held.filter((cell) => parse(cell) === null);
    const words = [...new Set(others)].sort();
    const read = filled - others.length;
    const isOne =
      read >= MOSTLY * filled ||
      (read >= HALF * filled && words.length <= MOST_WORDS && distinct - words.length >= MANY_NUMBERS);
    if (filled > 0 && isOne)
      return { kind, column: numbersOf(cells, parse), filled, distinct, words, wordCells: others.length };
  }
  return { kind: 'text', column: textsOf(cells), filled, distinct, words: [], wordCells: 0 };
}

export function numbersOf(cells: readonly string[], parse: (cell: string) => number | null): NumberColumn {
  const values = new Float64Array(cells.length);
  const valid = new Bitset(cells.length);
  cells.forEach((cell, row) => {
    const value = isMissing(cell) ? null : parse(cell);
    if (value === null) return;
    // No negative zero: it would be another value of its own.
    values[row] = value + 0;
    valid.add(row);
  });
  return { kind: 'number', values, valid };
}

export function textsOf(cells: readonly string[]): StringColumn {
  const codes = new Int32Array(cells.length);
  const valid = new Bitset(cells.length);
  const places = new Map<string, number>();
  cells.forEach((cell, row) => {
    if (isMissing(cell)) return;
    const text = cell.trim();
    const place = places.get(text) ?? places.size;
    places.set(text, place);
    codes[row] = place;
    valid.add(row);
  });
  // In order of the texts, so that the order of rows does not show.
  const dictionary = [...places.keys()].sort();
  const placeOf = new Map(dictionary.map((text, place) => [text, place]));
  const byOld = [...places.keys()].map((text) => placeOf.get(text)!);
  return { kind: 'string', codes: codes.map((code) => byOld[code] ?? 0), dictionary, valid };
}
