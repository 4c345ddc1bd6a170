import type { Column } from '../columns/column.js';
import { badnessOfNumber, badnessOfText, type Shape } from './shape.js';

/** What a shape makes of a column, row by row, from 0 (good) to 1 (bad); null where the feature is not known. */
export function readBadness(shape: Shape, column: Column): (row: number) => number | null {
  const { valid } = column;
  const isKnown = (row: number) => valid === null || valid.has(row);
  if (shape.kind === 'categories') {
    if (column.kind !== 'string')
      throw new RangeError(`categories are for texts, and not for a ${column.kind}`);
    const byCode = column.dictionary.map((text) => badnessOfText(shape, text));
    return (row) => (isKnown(row) ? byCode[column.codes[row]!]! : null);
  }
  switch (column.kind) {
    case 'number':
      return (row) => (isKnown(row) ? badnessOfNumber(shape, column.values[row]!) : null);
    case 'boolean': {
      const [no, yes] = [badnessOfNumber(shape, 0), badnessOfNumber(shape, 1)];
      return (row) => (isKnown(row) ? (column.values.has(row) ? yes : no) : null);
    }
    default:
      throw new RangeError(`curves and steps are for numbers, and not for a ${column.kind}`);
  }
}
