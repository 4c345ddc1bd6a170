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

  /** A number, with its weight, to the mean of a row. */
  add(row: number, weight: number, value: number): void {
    this.weight[row]! += weight;
    this.#weighted[row]! += weight * value;
  }

  /**
   * The means times a factor; 0 where nothing was added. The mean is rounded before it is scaled: so what is all of it comes
   * to the factor exactly, and never to a little more.
   */
  times(factor: number): Float64Array {
    const out = new Float64Array(this.weight.length);
    for (let row = 0; row < out.length; row++) {
      const weight = this.weight[row]!;
      if (weight !== 0) out[row] = factor * (this.#weighted[row]! / weight);
    }
    return out;
  }

  /** The same; not valid where nothing was added. */
  column(factor: number): NumberColumn {
    const valid = new Bitset(this.weight.length);
    for (let row = 0; row < this.weight.length; row++) if (this.weight[row]! > 0) valid.add(row);
    return { kind: 'number', values: this.times(factor), valid };
  }
}
