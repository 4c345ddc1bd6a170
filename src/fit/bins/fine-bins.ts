import type { NumberColumn, StringColumn } from '../../columns/column.js';
import type { Bins, NumberBins, TextBins } from './bins.js';

/** Rows looked at to place the edges; the rows stand in canonical order, so the first ones are a random sample. */
const SAMPLE = 50_000;
/** A text is a bin of its own when so many rows, and such a share of all rows, have it; rarer ones share a bin. */
const FEWEST_ROWS = 20;
const FEWEST_SHARE = 0.002;
const MOST_TEXTS = 60;

/** The bins to begin with: as fine as the data bear. Null where a column says nothing: all rows would be in one bin. */
export function fineBins(column: NumberColumn | StringColumn, mostNumberBins: number): Bins | null {
  return column.kind === 'number' ? fineNumberBins(column, mostNumberBins) : fineTextBins(column);
}

function fineNumberBins({ values, valid }: NumberColumn, most: number): NumberBins | null {
  const rows = Math.min(values.length, SAMPLE);
  const known = new Float64Array(rows);
  let count = 0;
  for (let row = 0; row < rows; row++) if (valid === null || valid.has(row)) known[count++] = values[row]!;
  const sorted = known.subarray(0, count).sort();
  const edges = bordersIn(sorted, most).map((at) => shortestBetween(sorted[at - 1]!, sorted[at]!));
  const isSplit = edges.length > 0 || (count > 0 && count < rows);
  return isSplit ? { kind: 'number', edges: Float64Array.from(edges) } : null;
}

/**
 * Places at which sorted values are cut: between all values when there are few, and else so that about as many rows are in
 * each bin. Equal values stay together; a value with more rows than a bin should have is a bin of its own.
 */
function bordersIn(sorted: Float64Array, most: number): number[] {
  const runs = runStarts(sorted);
  if (runs.length <= most) return runs.slice(1);
  const size = sorted.length / most;
  const borders = new Set<number>();
  let run = 0;
  for (let bin = 1; bin < most; bin++) {
    const target = Math.floor(bin * size);
    while (run + 1 < runs.length && runs[run + 1]! <= target) run++;
    const [start, end] = [runs[run]!, runs[run + 1] ?? sorted.length];
    borders.add(start);
    if (end - start > size) borders.add(end);
  }
  borders.delete(0);
  borders.delete(sorted.length);
  return [...borders].sort((a, b) => a - b);
}

/** Where each distinct value begins. */
function runStarts(sorted: Float64Array): number[] {
  const starts: number[] = [];
  for (let i = 0; i < sorted.length; i++) if (i === 0 || sorted[i] !== sorted[i - 1]) starts.push(i);
  return starts;
}

/** The number with the fewest digits that is above `low` and at most `high`: borders that people can read. */
export function shortestBetween(low: number, high: number): number {
  for (let digits = 1; digits < 17; digits++) {
    const short = Number(high.toPrecision(digits));
    if (short > low && short <= high) return short;
  }
  return high;
}

function fineTextBins({ codes, dictionary, valid }: StringColumn): TextBins | null {
  const counts = new Float64Array(dictionary.length);
  let missing = 0;
  codes.forEach((code, row) => {
    if (valid === null || valid.has(row)) counts[code]!++;
    else missing++;
  });
  const fewest = Math.max(FEWEST_ROWS, FEWEST_SHARE * codes.length);
  const common = dictionary
    .map((text, code) => ({ text, rows: counts[code]! }))
    .filter(({ rows }) => rows >= fewest)
    .sort((a, b) => b.rows - a.rows || (a.text < b.text ? -1 : 1))
    .slice(0, MOST_TEXTS);
  const other = codes.length - missing - common.reduce((sum, { rows }) => sum + rows, 0);
  if (common.length + Number(other > 0) + Number(missing > 0) < 2) return null;
  return {
    kind: 'text',
    groups: common
      .map(({ text }) => text)
      .sort()
      .map((text) => [text]),
  };
}
