import { hashOf } from './canonical-order.js';

/** How a table is cut so that each row is predicted by a model that has not seen it. */
export interface Split {
  /** Name as in the table, or 1, 2, … */
  readonly fold: string;
  readonly train: Int32Array;
  readonly test: Int32Array;
}

/** Rows of each value of a column are predicted from all others; rows of a fold named `train` are never predicted. */
export function givenFolds(folds: readonly string[]): Split[] {
  return [...new Set(folds)]
    .filter((fold) => fold.toLowerCase() !== 'train')
    .sort(byNumberThenText)
    .map((fold) => splitWhere(fold, folds.length, (row) => folds[row] === fold));
}

function byNumberThenText(a: string, b: string): number {
  return Number(a) - Number(b) || (a < b ? -1 : 1);
}

/**
 * Folds by hash of a key: rows with the same key stay together, positives are spread evenly, and neither the order of rows
 * nor that of keys matters.
 */
export function hashedFolds(
  keys: readonly string[],
  label: Uint8Array,
  folds: number,
  seed: number,
): Split[] {
  const groups = new Map<string, { rows: number; positives: number }>();
  keys.forEach((key, row) => {
    const group = groups.get(key) ?? { rows: 0, positives: 0 };
    groups.set(key, { rows: group.rows + 1, positives: group.positives + label[row]! });
  });
  const order = [...groups]
    .map(([key, counts]) => ({ key, ...counts, hash: hashOf(`${seed}:${key}`) }))
    .sort((a, b) => b.rows - a.rows || a.hash - b.hash || (a.key < b.key ? -1 : 1));
  const filled = Array.from({ length: folds }, () => ({ rows: 0, positives: 0 }));
  const foldOf = new Map<string, number>();
  for (const { key, rows, positives } of order) {
    const measure = positives > 0 ? 'positives' : 'rows';
    const fold = filled.reduce((least, one, i) => (one[measure] < filled[least]![measure] ? i : least), 0);
    filled[fold]!.rows += rows;
    filled[fold]!.positives += positives;
    foldOf.set(key, fold);
  }
  return filled.map((_, fold) =>
    splitWhere(String(fold + 1), keys.length, (row) => foldOf.get(keys[row]!) === fold),
  );
}

/**
 * Each stretch of time is predicted from what had been decided before it; the first one only teaches. `decided`: when the outcome
 * of each row was there; null: at once.
 */
export function timeFolds(times: Float64Array, decided: Float64Array | null, folds: number): Split[] {
  const sorted = times.slice().sort();
  const borders = [
    ...new Set(
      Array.from({ length: folds }, (_, i) => sorted[Math.floor(((i + 1) * times.length) / (folds + 1))]!),
    ),
  ].filter((border) => border > sorted[0]!);
  return borders.map((from, i) => {
    const to = borders[i + 1] ?? Number.POSITIVE_INFINITY;
    return {
      fold: String(i + 1),
      train: rowsWhere(times.length, (row) => (decided ?? times)[row]! < from),
      test: rowsWhere(times.length, (row) => times[row]! >= from && times[row]! < to),
    };
  });
}

function splitWhere(fold: string, rows: number, isTest: (row: number) => boolean): Split {
  return { fold, train: rowsWhere(rows, (row) => !isTest(row)), test: rowsWhere(rows, isTest) };
}

function rowsWhere(rows: number, wanted: (row: number) => boolean): Int32Array {
  const found = new Int32Array(rows);
  let count = 0;
  for (let row = 0; row < rows; row++) if (wanted(row)) found[count++] = row;
  return found.slice(0, count);
}
