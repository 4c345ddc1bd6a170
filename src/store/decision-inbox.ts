import { Int32Builder, TextBuilder, TimeBuilder } from '../columns/arrow-builder.js';
import type { Answer } from '../decisions/answer.js';
import type { Refusal } from '../decisions/settle.js';
import { type Scope, scopeSql } from '../features/population.js';
import { column, type EncodedRows, encodeRows } from './encoded-rows.js';
import type { Store } from './store.js';

interface Row {
  readonly answer: Answer;
  readonly applied: boolean;
  readonly refusal: string;
}

/** Answers on their way to the pass that applies them. One that has been applied stays so, however often it comes again. */
export function encodeAnswers(answers: readonly Answer[]): EncodedRows {
  return encodeInbox(answers.map((answer) => ({ answer, applied: false, refusal: '' })));
}

/** Marks answers as applied, or refused with a reason. */
export function encodeApplied(answers: readonly Answer[], refusals: readonly Refusal[]): EncodedRows {
  const reasons = new Map(refusals.map(({ answer, reason }) => [answer, reason]));
  return encodeInbox(
    answers.map((answer) => ({ answer, applied: true, refusal: reasons.get(answer) ?? '' })),
  );
}

function encodeInbox(rows: readonly Row[]): EncodedRows {
  return encodeRows<Row>(
    'decision_inbox',
    [
      column('account_id', new TextBuilder(), ({ answer }: Row) => answer.accountId),
      column('decision_id', new TextBuilder(), ({ answer }: Row) => answer.decisionId),
      column('answer_id', new TextBuilder(), ({ answer }: Row) => answer.answerId),
      column('kind', new TextBuilder(), ({ answer }: Row) => answer.kind),
      column('at', new TimeBuilder(), ({ answer }: Row) => answer.at),
      column('actor', new TextBuilder(), ({ answer }: Row) => answer.actor),
      column('reason', new TextBuilder(), ({ answer }: Row) => answer.reason),
      column('until', new TimeBuilder(), ({ answer }: Row) => answer.until),
      column('terms', new TextBuilder(), ({ answer }: Row) => answer.terms),
      column('applied', new Int32Builder(), ({ applied }: Row) => (applied ? 1 : 0)),
      column('refusal', new TextBuilder(), ({ refusal }: Row) => refusal),
    ],
    rows,
  );
}

/** What has not been applied yet, the earliest first. */
export async function readPendingAnswers(store: Store, scope: Scope): Promise<readonly Answer[]> {
  const { sql, params } = scopeSql(scope);
  return store.rows<Answer>(
    `SELECT account_id AS accountId, decision_id AS decisionId, answer_id AS answerId, kind, toUnixTimestamp64Milli(i.at) AS at, actor, reason,
       toUnixTimestamp64Milli(i.until) AS until, terms
     FROM (SELECT * FROM decision_inbox FINAL WHERE ${sql}) AS i WHERE applied = 0 ORDER BY at, kind, answerId`,
    params,
    { lane: 'batch' },
  );
}
