import type { Batch } from '../../columns/batch.js';
import { Bitset } from '../../columns/bitset.js';
import { columnLength, valueAt } from '../../columns/column.js';
import type { TrainingTable } from '../training-table.js';
import type { Observation } from './observation.js';

/** Gathers observed batches into one table to fit to. */
export class TrainingRows {
  readonly #names: readonly string[];
  readonly #values: number[][];
  readonly observations: Observation[] = [];

  /** `features`: names of numbers and booleans. */
  constructor(features: readonly string[]) {
    this.#names = [...features].sort();
    this.#values = this.#names.map(() => []);
  }

  add(batch: Batch, observations: readonly Observation[]): void {
    this.#names.forEach((name, i) => {
      const column = batch.column(name);
      const values = this.#values[i]!;
      for (let row = 0; row < columnLength(column); row++) {
        const value = valueAt(column, row);
        values.push(value === null ? Number.NaN : Number(value));
      }
    });
    for (const one of observations) this.observations.push(one);
  }

  table(): TrainingTable {
    return {
      rows: this.observations.length,
      label: Uint8Array.from(this.observations, ({ label }) => label),
      features: this.#names.map((name, i) => {
        const values = Float64Array.from(this.#values[i]!);
        const valid = new Bitset(values.length);
        values.forEach((value, row) => {
          if (Number.isNaN(value)) values[row] = 0;
          else valid.add(row);
        });
        return { name, title: name, direction: null, column: { kind: 'number', values, valid } };
      }),
    };
  }
}
