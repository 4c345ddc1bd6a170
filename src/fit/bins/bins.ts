import type { NumberColumn, StringColumn } from '../../columns/column.js';

/** How the values of a feature are cut into bins. */
export type Bins = NumberBins | TextBins;

/** Bin 0 holds what is below the first edge, bin i what is from edge i - 1 on; the last bin what is missing. */
export interface NumberBins {
  readonly kind: 'number';
  /** Rising. */
  readonly edges: Float64Array;
}

/** Bin i holds the texts of group i; then a bin for all other texts, and the last for what is missing. */
export interface TextBins {
  readonly kind: 'text';
  readonly groups: readonly (readonly string[])[];
}

export function binCount(bins: Bins): number {
  return bins.kind === 'number' ? bins.edges.length + 2 : bins.groups.length + 2;
}

/** The bin for what is missing: always the last. */
export function missingBin(bins: Bins): number {
  return binCount(bins) - 1;
}

/** The bin of each row. */
export function binsOfRows(bins: Bins, column: NumberColumn | StringColumn): Uint8Array {
  const missing = missingBin(bins);
  const { valid } = column;
  const codes = new Uint8Array(column.kind === 'number' ? column.values.length : column.codes.length);
  if (bins.kind === 'number') {
    if (column.kind !== 'number') throw new RangeError('bins of numbers for a column of texts');
    for (let row = 0; row < codes.length; row++)
      codes[row] = valid === null || valid.has(row) ? binOfNumber(bins, column.values[row]!) : missing;
    return codes;
  }
  if (column.kind !== 'string') throw new RangeError('bins of texts for a column of numbers');
  const groupOf = new Map(bins.groups.flatMap((texts, group) => texts.map((text) => [text, group] as const)));
  const byCode = column.dictionary.map((text) => groupOf.get(text) ?? bins.groups.length);
  for (let row = 0; row < codes.length; row++)
    codes[row] = valid === null || valid.has(row) ? byCode[column.codes[row]!]! : missing;
  return codes;
}

/** How many edges a value has reached. */
function binOfNumber({ edges }: NumberBins, value: number): number {
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (edges[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
