import { chunksOf } from '../../../core/chunks.js';
import { PerennialError } from '../../../core/errors.js';
import { LIMITS } from '../../../core/limits.js';
import type { Decision } from '../../../decisions/decision.js';
import type { DecisionFilter } from '../../../store/decision-list.js';

/**
 * Decisions by their ids or the beginnings of them, the newest first. Throws `not_found`, or `invalid_argument` when a beginning fits
 * several. `list`: where they are looked up.
 */
export async function findDecisions(
  list: (filter: DecisionFilter) => Promise<readonly Decision[]>,
  ids: readonly string[],
): Promise<readonly Decision[]> {
  const wrong = ids.find((id) => !/^[0-9a-f]{4,32}$/.test(id));
  if (wrong !== undefined)
    throw new PerennialError('invalid_argument', `${wrong} is not the id of a decision.`, {
      hint: 'It has 32 hexadecimal digits; its first ones are enough, at least four. perennial decisions lists them.',
    });
  const found: Decision[] = [];
  for (const some of chunksOf(ids, AT_ONCE))
    found.push(...(await list({ ids: some, statuses: [], limit: LIMITS.commandRows })));
  for (const id of ids) {
    const fits = found.filter(({ decisionId }) => decisionId.startsWith(id));
    if (fits.length === 0) throw new PerennialError('not_found', `There is no decision ${id}.`);
    if (fits.length > 1)
      throw new PerennialError('invalid_argument', `${id} is the beginning of ${fits.length} decisions.`, {
        hint: 'Give more digits.',
      });
  }
  return found;
}

/** Ids of one question. */
const AT_ONCE = 1_000;
