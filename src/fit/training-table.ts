import { Bitset } from '../columns/bitset.js';
import type { NumberColumn, StringColumn } from '../columns/column.js';

/** Which way a feature may move the risk: the issue of a promise to people, and not of the data. */
export type Direction = 'rising' | 'falling';

export interface TrainingFeature {
  /** As scorecards name it. */
  readonly name: string;
  /** As the table names it. */
  readonly title: string;
  readonly column: NumberColumn | StringColumn;
  /** Null: whatever the outcomes say. */
  readonly direction: Direction | null;
}

/** What a scorecard is fitted to: a row an observation, with what then happened. */
export interface TrainingTable {
  readonly rows: number;
  /** 1 where the label is positive: the subscription was not renewed. */
  readonly label: Uint8Array;
  /** In the order of their names. */
  readonly features: readonly TrainingFeature[];
}

export function countPositives(label: Uint8Array): number {
  let count = 0;
  for (const one of label) count += one;
  return count;
}

/** The rows at these places, in this order. */
export function takeRows(table: TrainingTable, rows: Int32Array): TrainingTable {
  return {
    rows: rows.length,
    label: Uint8Array.from(rows, (row) => table.label[row]!),
    features: table.features.map((feature) => ({ ...feature, column: takeColumn(feature.column, rows) })),
  };
}

function takeColumn(column: NumberColumn | StringColumn, rows: Int32Array): NumberColumn | StringColumn {
  const valid = column.valid === null ? null : new Bitset(rows.length);
  if (valid !== null)
    rows.forEach((row, i) => {
      if (column.valid!.has(row)) valid.add(i);
    });
  return column.kind === 'number'
    ? { kind: 'number', values: Float64Array.from(rows, (row) => column.values[row]!), valid }
    : { ...column, codes: Int32Array.from(rows, (row) => column.codes[row]!), valid };
}
