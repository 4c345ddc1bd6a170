import type { NumberColumn, StringColumn } from '../columns/column.js';
import type { TrainingTable } from './training-table.js';

/**
 * An order of rows that depends on what the rows say and not on where they stood, so that a table in any order of rows gives
 * the same scorecard to the last bit. It is that of a hash: the first rows of it are a random sample.
 */
export function canonicalOrder(table: TrainingTable): Int32Array {
  const high = new Uint32Array(table.rows);
  const low = new Uint32Array(table.rows);
  for (const { column } of table.features) if (!isConstant(column)) mixColumn(column, high, low);
  for (let row = 0; row < table.rows; row++) mix(row, table.label[row]!, high, low);
  const keys = Float64Array.from(high, (bits, row) => (bits >>> 11) * 4_294_967_296 + low[row]!);
  return Int32Array.from(keys.keys()).sort((a, b) => keys[a]! - keys[b]! || a - b);
}

/** Whether a column is the same in all rows: it then must not decide anything, not even an order. */
function isConstant(column: NumberColumn | StringColumn): boolean {
  const { valid } = column;
  const content: ArrayLike<number> = column.kind === 'number' ? column.values : column.codes;
  const isKnown = (row: number) => valid === null || valid.has(row);
  for (let row = 1; row < content.length; row++)
    if (isKnown(row) !== isKnown(0) || (isKnown(row) && content[row] !== content[0])) return false;
  return true;
}

function mixColumn(column: NumberColumn | StringColumn, high: Uint32Array, low: Uint32Array): void {
  const isKnown = (row: number) => column.valid === null || column.valid.has(row);
  if (column.kind === 'number') {
    const words = new Uint32Array(column.values.buffer, column.values.byteOffset, column.values.length * 2);
    for (let row = 0; row < high.length; row++) {
      mix(row, isKnown(row) ? words[2 * row]! : 1, high, low);
      mix(row, isKnown(row) ? words[2 * row + 1]! : 2, high, low);
    }
    return;
  }
  const hashes = column.dictionary.map(hashOf);
  for (let row = 0; row < high.length; row++)
    mix(row, isKnown(row) ? hashes[column.codes[row]!]! : 3, high, low);
}

/** Two multiplicative hashes side by side, each fed with the other. */
function mix(row: number, word: number, high: Uint32Array, low: Uint32Array): void {
  const a = Math.imul(high[row]! ^ word, 0x9e3779b1);
  const b = Math.imul((low[row]! + word) ^ (a >>> 15), 0x85ebca6b);
  high[row] = a ^ (b >>> 13);
  low[row] = b ^ (a >>> 16);
}

/** FNV-1a over the text's UTF-16 units. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
