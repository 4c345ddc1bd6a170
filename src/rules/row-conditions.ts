import type { Batch } from '../columns/batch.js';
import { Bitset } from '../columns/bitset.js';
import type { Fact } from '../columns/fact.js';
import type { Condition } from './condition.js';
import { ExpressionPool } from './expression.js';
import { programOf, wordsOf } from './program.js';

/** For each of some conditions, the rows of a batch that it holds for. */
export type RowConditions = (batch: Batch) => readonly Bitset[];

/** Compiles checked conditions that stand for themselves, without a rule set: none of them names a shared condition. */
export function compileConditions(
  conditions: readonly Condition[],
  facts: ReadonlyMap<string, Fact>,
): RowConditions {
  const pool = new ExpressionPool(new Map());
  const expressions = conditions.map((condition) => pool.of(condition));
  const program = programOf(expressions, facts);
  return (batch) => {
    const registers = program.run(batch);
    const words = wordsOf(batch.length);
    return expressions.map(({ id }) => {
      const from = program.slots[id]! * words;
      // Bits past the last row are garbage.
      return new Bitset(batch.length, registers.slice(from, from + words)).and(Bitset.full(batch.length));
    });
  };
}
