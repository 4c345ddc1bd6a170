import { chunksOf } from '../core/chunks.js';
import type { Answer } from '../decisions/answer.js';
import { encodeFiledElsewhere, readPendingAnswers } from './decision-inbox.js';
import { insertRows } from './encoded-rows.js';
import type { Store } from './store.js';

/** Decisions of one query: their ids go with it as text. */
const AT_ONCE = 1_000;

/**
 * Answers of accounts that name a decision of another one go to that: outcomes name the account that has the contract now, and the
 * decision stays with the one that had it then. Resolves to the accounts that got some.
 */
export async function fileMisaddressed(
  store: Store,
  accounts: readonly string[],
): Promise<ReadonlySet<string>> {
  const others = new Set<string>();
  for (const some of chunksOf(accounts, AT_ONCE)) {
    const waiting = await readPendingAnswers(store, { kind: 'accounts', accounts: some });
    for (const answers of chunksOf(waiting, AT_ONCE)) {
      const moved = await misaddressed(store, answers);
      await insertRows(store, encodeFiledElsewhere(moved));
      for (const { owner } of moved) others.add(owner);
    }
  }
  return others;
}

/** The answers whose decision is another account's, with that account. */
async function misaddressed(
  store: Store,
  answers: readonly Answer[],
): Promise<readonly { readonly answer: Answer; readonly owner: string }[]> {
  if (answers.length === 0) return [];
  const rows = await store.rows<{ accountId: string; decisionId: string }>(
    `SELECT DISTINCT account_id AS accountId, decision_id AS decisionId FROM decision_state WHERE decision_id IN {ids:Array(String)}`,
    { ids: [...new Set(answers.map(({ decisionId }) => decisionId))] },
    { lane: 'write' },
  );
  const owners = new Map(rows.map(({ accountId, decisionId }) => [decisionId, accountId]));
  return answers.flatMap((answer) => {
    const owner = owners.get(answer.decisionId);
    return owner === undefined || owner === answer.accountId ? [] : [{ answer, owner }];
  });
}
