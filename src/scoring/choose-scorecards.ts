import type { Batch } from '../columns/batch.js';
import { Bitset } from '../columns/bitset.js';
import type { Fact } from '../columns/fact.js';
import type { Condition } from '../rules/condition.js';
import { compileConditions } from '../rules/row-conditions.js';
import type { Scorecard } from './scorecard.js';

/** Place of the scorecard for each row of a batch. */
export type ScorecardChooser = (batch: Batch) => Int32Array;

/** Each row gets the first scorecard whose conditions hold, else the last, which has none. */
export function scorecardChooser(
  cards: readonly Pick<Scorecard, 'when'>[],
  facts: ReadonlyMap<string, Fact>,
): ScorecardChooser {
  const conditional = cards.flatMap(({ when }): Condition[] => (when === null ? [] : [when]));
  const rowsOf = compileConditions(conditional, facts);
  return (batch) => {
    const chosen = new Int32Array(batch.length).fill(cards.length - 1);
    if (conditional.length === 0) return chosen;
    const undecided = Bitset.full(batch.length);
    rowsOf(batch).forEach((rows, place) => {
      for (const row of rows.clone().and(undecided)) {
        chosen[row] = place;
        undecided.remove(row);
      }
    });
    return chosen;
  };
}
