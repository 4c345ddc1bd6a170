import { Bitset } from '../columns/bitset.js';
import type { NumberColumn } from '../columns/column.js';

/** A weighted mean for each row, of numbers from 0 to 1. */
export class WeightedMean {
  readonly weight: Float64Array;
  readonly #weighted: Float64Array;

  constructor(rows: number) {
    this.weight = new Float64Array(rows);
    this.#weighted = new Float64Array(rows);
  }

  add(row: number, weight: number, value: number): void {
    this.weight[row]! += weight;
    this.#weighted[row]! += weight * value;
  }

  /**
   * The means times a factor; 0 where nothing was added. The mean is rounded before it is scaled: so what is all of it comes
   * to the factor exactly, and never to a little more.
   */
  times(factor: number): Float64Array {
    return this.weight.map((weight, row) => (weight === 0 ? 0 : factor * (this.#weighted[row]! / weight)));
  }

  /** The same; not valid where nothing was added. */
  column(factor: number): NumberColumn {
    const valid = new Bitset(this.weight.length);
    this.weight.forEach((weight, row) => {
      if (weight > 0) valid.add(row);
    });
    return { kind: 'number', values: this.times(factor), valid };
  }
}
