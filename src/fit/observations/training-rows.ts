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
      weights: this.#weights(),
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

  /** All observations of one term together count as one: they have one outcome. */
  #weights(): Float64Array {
    const terms = this.observations.map(({ accountId, subscriptionId, dueAt }) =>
      JSON.stringify([accountId, subscriptionId, dueAt]),
    );
    const counts = new Map<string, number>();
    for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1);
    return Float64Array.from(terms, (term) => 1 / counts.get(term)!);
  }
}
