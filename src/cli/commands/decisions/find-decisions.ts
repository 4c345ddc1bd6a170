import { PerennialError } from '../../../core/errors.js';
import type { Decision } from '../../../decisions/decision.js';
import { readDecisions, resolveDecisionIds } from '../../../store/decision-log.js';
import type { Store } from '../../../store/store.js';

/** Decisions by their ids or the beginnings of them. Throws `not_found`, or `invalid_argument` when a beginning fits several. */
export async function findDecisions(store: Store, ids: readonly string[]): Promise<readonly Decision[]> {
  const wrong = ids.find((id) => !/^[0-9a-f]{4,32}$/.test(id));
  if (wrong !== undefined)
    throw new PerennialError('invalid_argument', `${wrong} is not the id of a decision.`, {
      hint: 'It has 32 hexadecimal digits; its first ones are enough, at least four. perennial decisions lists them.',
    });
  const found = await resolveDecisionIds(store, ids);
  for (const id of ids) {
    const fits = found.filter((known) => known.startsWith(id));
    if (fits.length === 0) throw new PerennialError('not_found', `There is no decision ${id}.`);
    if (fits.length > 1)
      throw new PerennialError('invalid_argument', `${id} is the beginning of ${fits.length} decisions.`, {
        hint: 'Give more digits.',
      });
  }
  return readDecisions(store, found);
}
