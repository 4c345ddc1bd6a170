import type { Batch } from '../columns/batch.js';
import { Bitset } from '../columns/bitset.js';
import type { Scorecard } from './scorecard.js';

/** Place in `cards` of the scorecard for each row: the first that is for its segment and product, else the last. */
export function chooseScorecards(cards: readonly Scorecard[], batch: Batch): Int32Array {
  const chosen = new Int32Array(batch.length).fill(cards.length - 1);
  const undecided = Bitset.full(batch.length);
  cards.forEach(({ appliesTo }, place) => {
    if (appliesTo === null) return;
    const rows = undecided.clone();
    for (const [name, wanted] of Object.entries(appliesTo)) rows.and(rowsIn(batch, name, wanted));
    for (const row of rows) {
      chosen[row] = place;
      undecided.remove(row);
    }
  });
  return chosen;
}

/** The rows whose text in a column is one of these. */
function rowsIn(batch: Batch, name: string, wanted: readonly string[]): Bitset {
  const column = batch.column(name);
  if (column.kind !== 'string') throw new RangeError(`${name} is no column of texts`);
  const isWanted = column.dictionary.map((text) => wanted.includes(text));
  const rows = new Bitset(batch.length);
  column.codes.forEach((code, row) => {
    if (isWanted[code] === true && column.valid?.has(row) !== false) rows.add(row);
  });
  return rows;
}
