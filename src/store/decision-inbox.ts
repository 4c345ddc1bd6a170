import { Int32Builder, TextBuilder, TimeBuilder } from '../columns/arrow-builder.js';
import { chunksOf } from '../core/chunks.js';
import type { Answer } from '../decisions/answer.js';
import type { Refusal } from '../decisions/settle.js';
import { type Scope, scopeSql } from '../features/population.js';
import { column, type EncodedRows, encodeRows } from './encoded-rows.js';
import type { Store } from './store.js';

/** Where an answer stands: of two states of one the higher holds. */
const WAITS = 0;
const APPLIED = 1;
const TAKEN_BACK = 2;
const UNDONE = 3;

/** Answers and decisions that one query names: their ids travel in its URL. */
export const NAMED_AT_ONCE = 1_000;

interface Row {
  readonly answer: Answer;
  readonly applied: number;
  readonly refusal: string;
}

/** Answers on their way to the pass that applies them. One that has been applied stays so, however often it comes again. */
export function encodeAnswers(answers: readonly Answer[]): EncodedRows {
  return encodeInbox(answers.map((answer) => ({ answer, applied: WAITS, refusal: '' })));
}

/** Marks answers as applied, or refused with a reason; those that were taken back as undone. */
export function encodeApplied(answers: readonly Answer[], refusals: readonly Refusal[]): EncodedRows {
  const reasons = new Map(refusals.map(({ answer, reason }) => [answer, reason]));
  return encodeInbox(
    answers.map((answer) => ({
      answer,
      applied: answer.takenBack === true ? UNDONE : APPLIED,
      refusal: reasons.get(answer) ?? '',
    })),
  );
}

/** Files answers at the accounts whose decisions they name, in the state that they are in, and is done with them where they were. */
export function encodeFiledElsewhere(
  answers: readonly { readonly answer: Answer; readonly owner: string }[],
): EncodedRows {
  return encodeInbox(
    answers.flatMap(({ answer, owner }) => {
      const takenBack = answer.takenBack === true;
      return [
        { answer: { ...answer, accountId: owner }, applied: takenBack ? TAKEN_BACK : WAITS, refusal: '' },
        { answer, applied: takenBack ? UNDONE : APPLIED, refusal: FILED_ELSEWHERE },
      ];
    }),
  );
}

const FILED_ELSEWHERE = 'The decision is of another account, which has this answer.';

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
      column('applied', new Int32Builder(), ({ applied }: Row) => applied),
      column('refusal', new TextBuilder(), ({ refusal }: Row) => refusal),
    ],
    rows,
  );
}

/** An Answer from `decision_inbox`, called `i`. */
export const SELECT_ANSWER = `account_id AS accountId, decision_id AS decisionId, answer_id AS answerId, kind, toUnixTimestamp64Milli(i.at) AS at, actor,
  reason, toUnixTimestamp64Milli(i.until) AS until, terms`;

/** What has not been applied, or undone, yet, the earliest first. */
export async function readPendingAnswers(store: Store, scope: Scope): Promise<readonly Answer[]> {
  const { sql, params } = scopeSql(scope);
  const rows = await store.rows<Answer & { readonly applied: number }>(
    `SELECT ${SELECT_ANSWER}, applied FROM decision_inbox AS i FINAL
     WHERE ${sql} AND applied IN (${WAITS}, ${TAKEN_BACK}) ORDER BY at, kind, answerId`,
    params,
    { lane: 'batch' },
  );
  return rows.map(({ applied, ...answer }) =>
    applied === TAKEN_BACK ? { ...answer, takenBack: true } : answer,
  );
}

/** An answer as it was applied, or waits: of several under one id the one that has come first. */
export async function readAnswer(
  store: Store,
  { accountId, decisionId, answerId }: Pick<Answer, 'accountId' | 'decisionId' | 'answerId'>,
): Promise<Answer | undefined> {
  const [row] = await store.rows<Answer>(
    `SELECT ${SELECT_ANSWER} FROM decision_inbox AS i FINAL
     WHERE account_id = {account:String} AND decision_id = {decision:String} AND answer_id = {answer:String}`,
    { account: accountId, decision: decisionId, answer: answerId },
  );
  return row;
}

/** Of these answers those that were refused, with the reasons, whichever pass did it. */
export async function readRefusals(store: Store, answers: readonly Answer[]): Promise<readonly Refusal[]> {
  const refusals: Refusal[] = [];
  for (const named of chunksOf(answers, NAMED_AT_ONCE)) refusals.push(...(await refusalsOf(store, named)));
  return refusals;
}

async function refusalsOf(store: Store, answers: readonly Answer[]): Promise<readonly Refusal[]> {
  const rows = await store.rows<{ answerId: string; refusal: string }>(
    `SELECT answer_id AS answerId, refusal FROM decision_inbox FINAL
     WHERE account_id IN {accounts:Array(String)} AND decision_id IN {decisions:Array(String)} AND answer_id IN {answers:Array(String)}
       AND applied = ${APPLIED} AND refusal != ''`,
    {
      accounts: [...new Set(answers.map(({ accountId }) => accountId))],
      decisions: [...new Set(answers.map(({ decisionId }) => decisionId))],
      answers: answers.map(({ answerId }) => answerId),
    },
    { lane: 'batch' },
  );
  const reasons = new Map(rows.map(({ answerId, refusal }) => [answerId, refusal]));
  return answers.flatMap((answer) => {
    const reason = reasons.get(answer.answerId);
    return reason === undefined ? [] : [{ answer, reason }];
  });
}
