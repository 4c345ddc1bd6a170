import { Bitset } from '../../columns/bitset.js';
import type { NumberColumn, StringColumn } from '../../columns/column.js';
import { daysIn, isMissing, numberIn } from './parse-cell.js';

/** A column read as what it holds. */
export interface ReadColumn {
  readonly kind: 'number' | 'date' | 'text';
  readonly column: NumberColumn | StringColumn;
  /** Cells that hold something, and how many different things. */
  readonly filled: number;
  readonly distinct: number;
}

/** Share of the filled cells that must be numbers (or dates) for the column to be one; the others then count as missing. */
const MOSTLY = 0.98;

/** Tells numbers, dates and texts apart by what the cells hold. */
export function readColumn(cells: readonly string[]): ReadColumn {
  const filled = cells.reduce((count, cell) => count + Number(!isMissing(cell)), 0);
  const distinct = new Set(cells.filter((cell) => !isMissing(cell)).map((cell) => cell.trim())).size;
  for (const [kind, parse] of [
    ['number', numberIn],
    ['date', daysIn],
  ] as const) {
    const column = numbersOf(cells, parse);
    const read = column.valid === null ? cells.length : column.valid.count();
    if (filled > 0 && read >= MOSTLY * filled) return { kind, column, filled, distinct };
  }
  return { kind: 'text', column: textsOf(cells), filled, distinct };
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
