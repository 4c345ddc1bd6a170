import type { Column, NumberColumn } from '../columns/column.js';
import type { Fact } from '../columns/fact.js';
import type { Expression, Leaf } from './expression.js';
import { NUMBER_LOOPS, NUMBER_OPERATORS, type NumberOperator, numbersOfOne } from './number-kernel.js';

/**
 * The comparisons of a number with a number among some expressions: most of what rules ask. Many rows go through each
 * comparison as a loop over its column; one row goes through all comparisons as one loop over plain arrays.
 */
export class NumberComparisons {
  /** In the order of their registers, from the first register on. */
  readonly leaves: ReadonlySet<Expression>;
  readonly #operators: readonly NumberOperator[];
  readonly #thresholds: Float64Array;
  /** The column of each comparison, and its place among the columns of numbers. */
  readonly #columns: Int32Array;
  readonly #places: Int32Array;
  /** The columns of numbers that are compared. */
  readonly #used: Int32Array;
  /** Places of operators in NUMBER_OPERATORS. */
  readonly #codes: Uint8Array;

  constructor(
    expressions: readonly Expression[],
    columnOf: ReadonlyMap<string, number>,
    facts: ReadonlyMap<string, Fact>,
  ) {
    const leaves = expressions.filter((e): e is Leaf => e.kind === 'leaf' && comparesNumbers(e, facts));
    this.leaves = new Set(leaves);
    this.#operators = leaves.map(({ comparison }) => comparison.operator as NumberOperator);
    this.#codes = Uint8Array.from(this.#operators, (operator) => NUMBER_OPERATORS.indexOf(operator));
    this.#thresholds = Float64Array.from(leaves, ({ comparison }) => comparison.value as number);
    this.#columns = Int32Array.from(leaves, ({ comparison }) => columnOf.get(comparison.fact)!);
    this.#used = Int32Array.from(new Set(this.#columns));
    this.#places = this.#columns.map((column) => this.#used.indexOf(column));
  }

  /** Fills the registers of all comparisons. They fail for a missing value. */
  run(columns: readonly Column[], registers: Uint32Array, words: number, rows: number): void {
    if (rows === 1) {
      const row = new Float64Array(this.#used.length);
      for (let i = 0; i < row.length; i++) {
        const { values, valid } = numbersOf(columns[this.#used[i]!]!);
        // NaN compares as false with everything, as a missing value does.
        row[i] = valid === null || valid.has(0) ? values[0]! : Number.NaN;
      }
      numbersOfOne(row, this.#places, this.#codes, this.#thresholds, registers);
      return;
    }
    for (let i = 0, to = 0; i < this.#operators.length; i++, to += words) {
      const { values, valid } = numbersOf(columns[this.#columns[i]!]!);
      NUMBER_LOOPS[this.#operators[i]!](values, this.#thresholds[i]!, registers, to);
      if (valid !== null) for (let w = 0; w < words; w++) registers[to + w]! &= valid.words[w]!;
    }
  }
}

function comparesNumbers(leaf: Leaf, facts: ReadonlyMap<string, Fact>): boolean {
  const { fact, operator, value } = leaf.comparison;
  return (
    facts.get(fact)!.kind === 'number' && typeof value === 'number' && Object.hasOwn(NUMBER_LOOPS, operator)
  );
}

function numbersOf(column: Column): NumberColumn {
  if (column.kind !== 'number') throw new TypeError(`a column of ${column.kind} where numbers belong`);
  return column;
}
