import type { NumberColumn, StringColumn } from '../columns/column.js';
import { takeColumn } from '../columns/take-rows.js';

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
  /** How much each row counts: less where several rows say the same of one contract; null: all alike. */
  readonly weights: Float64Array | null;
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
    weights: table.weights === null ? null : Float64Array.from(rows, (row) => table.weights![row]!),
    features: table.features.map((feature) => ({
      ...feature,
      column:
        feature.column.kind === 'number'
          ? takeColumn(feature.column, rows)
          : takeColumn(feature.column, rows),
    })),
  };
}
