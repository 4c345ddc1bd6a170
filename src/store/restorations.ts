import { groupBy } from '../core/group-by.js';
import type { Answer } from '../decisions/answer.js';
import { type Restoration, restorationOf } from '../decisions/restoration.js';
import { SELECT_ANSWER } from './decision-inbox.js';
import { type DecisionRow, eventOf, SELECT_EVENT } from './decision-table.js';
import type { Store } from './store.js';

/** What decisions go back to whose answers were taken back, by decision. Seldom any: their whole past is read. */
export async function readRestorations(
  store: Store,
  takenBack: readonly Answer[],
): Promise<ReadonlyMap<string, Restoration>> {
  if (takenBack.length === 0) return new Map();
  const params = {
    accounts: [...new Set(takenBack.map(({ accountId }) => accountId))],
    ids: [...new Set(takenBack.map(({ decisionId }) => decisionId))],
  };
  const among = 'account_id IN {accounts:Array(String)} AND decision_id IN {ids:Array(String)}';
  const rows = await store.rows<DecisionRow>(
    `SELECT ${SELECT_EVENT} FROM (SELECT * FROM decision_event_log FINAL WHERE ${among}) AS d ORDER BY d.decision_id, d.version`,
    params,
    { lane: 'batch' },
  );
  const answers = await store.rows<Answer>(
    `SELECT ${SELECT_ANSWER} FROM (SELECT * FROM decision_inbox FINAL WHERE ${among}) AS i WHERE applied = 1 AND refusal = ''`,
    params,
    { lane: 'batch' },
  );
  const answersOf = groupBy(answers, ({ decisionId }) => decisionId);
  const gone = groupBy(takenBack, ({ decisionId }) => decisionId);
  const restorations = new Map<string, Restoration>();
  for (const [id, events] of groupBy(rows.map(eventOf), ({ decision }) => decision.decisionId)) {
    const ids = (gone.get(id) ?? []).map(({ answerId }) => answerId);
    const restoration = restorationOf(events, ids, answersOf.get(id) ?? []);
    if (restoration !== undefined) restorations.set(id, restoration);
  }
  return restorations;
}
