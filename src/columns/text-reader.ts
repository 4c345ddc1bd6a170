import type { Batch } from './batch.js';

/** Reads the texts of a column row by row; '' where a row has none. Throws a RangeError for a column that holds no text. */
export function textReader(batch: Batch, name: string): (row: number) => string {
  const column = batch.column(name);
  if (column.kind !== 'string') throw new RangeError(`column ${name} holds no text`);
  const { codes, dictionary, valid } = column;
  return valid === null
    ? (row) => dictionary[codes[row]!]!
    : (row) => (valid.has(row) ? dictionary[codes[row]!]! : '');
}
