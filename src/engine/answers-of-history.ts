import type { Millis } from '../core/clock.js';
import { groupBy } from '../core/group-by.js';
import { dateTime64 } from '../core/sql-time.js';
import type { Answer } from '../decisions/answer.js';
import { actionKey, type Decision } from '../decisions/decision.js';
import { scopeSql } from '../features/population.js';
import type { EventType } from '../rules/event.js';
import type { Store } from '../store/store.js';
import type { AnswersOfHistory } from './memory-past.js';

type AnswerToAction = Answer & {
  readonly subscriptionId: string;
  readonly decisionKind: EventType;
  readonly action: string;
};

/**
 * The answers that customers and colleagues gave after a time, for a what-if: an answer to a decision of history is given to
 * the decision of the what-if about the same action of the same subscription that was open then. Each is given once.
 */
export function answersOfHistory(store: Store, after: Millis): AnswersOfHistory {
  const given = new Set<string>();
  return async (scope, until, decisions) => {
    if (decisions.length === 0) return [];
    const { sql, params } = scopeSql(scope);
    const rows = await store.rows<AnswerToAction>(
      `SELECT i.account_id AS accountId, i.decision_id AS decisionId, answer_id AS answerId, i.kind AS kind,
         toUnixTimestamp64Milli(i.at) AS at, i.actor AS actor, i.reason AS reason, toUnixTimestamp64Milli(i.until) AS until, i.terms AS terms,
         s.subscription_id AS subscriptionId, s.kind AS decisionKind, s.action AS action
       FROM (SELECT * FROM decision_inbox FINAL WHERE ${sql}) AS i
       INNER JOIN (SELECT account_id, decision_id, subscription_id, kind, action FROM decision_state FINAL WHERE ${sql}) AS s
         ON s.account_id = i.account_id AND s.decision_id = i.decision_id
       WHERE i.applied < 2 AND i.at > {after:DateTime64(3, 'UTC')} AND i.at <= {until:DateTime64(3, 'UTC')} ORDER BY at, answerId`,
      { ...params, after: dateTime64(after), until: dateTime64(until) },
      { lane: 'batch' },
    );
    const keyOf = (d: Pick<Decision, 'accountId' | 'subscriptionId' | 'kind' | 'action'>) =>
      `${d.accountId}\0${d.subscriptionId}\0${actionKey(d)}`;
    const byAction = groupBy(decisions, keyOf);
    return rows.flatMap((row): Answer[] => {
      const { subscriptionId, decisionKind, action, ...answer } = row;
      if (given.has(answer.answerId)) return [];
      const candidates = byAction.get(keyOf({ ...row, kind: decisionKind })) ?? [];
      const meant = candidates.find(
        ({ openedAt, closedAt }) => openedAt <= answer.at && (closedAt === null || closedAt >= answer.at),
      );
      if (meant === undefined) return [];
      given.add(answer.answerId);
      return [{ ...answer, decisionId: meant.decisionId }];
    });
  };
}
