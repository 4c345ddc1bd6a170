import { IntegerBuilder, TextBuilder, TimeBuilder } from '../columns/arrow-builder.js';
import { batchFromArrow } from '../columns/from-arrow.js';
import { chunksOf } from '../core/chunks.js';
import type { Millis } from '../core/clock.js';
import { dateTime64 } from '../core/sql-time.js';
import { Turns } from '../core/turns.js';
import type { Answer } from '../decisions/answer.js';
import type { Decision, DecisionEvent, Suppression } from '../decisions/decision.js';
import { OPEN_STATUSES } from '../decisions/lifecycle.js';
import type { LedgerEntry } from '../decisions/shared-limits.js';
import type { Scope } from '../features/population.js';
import { scopeSql } from '../features/population.js';
import { NAMED_AT_ONCE } from './decision-inbox.js';
import {
  type DecisionRow,
  decisionOf,
  eventColumns,
  eventOf,
  explanationOf,
  lacksExplanation,
  SELECT_DECISION,
  SELECT_EVENT,
  SELECT_EXPLANATION,
  SELECT_WORKING_DECISION,
  workingDecisionOf,
  workingDecisionReader,
} from './decision-table.js';
import { column, type EncodedRows, encodeRows } from './encoded-rows.js';
import type { QueryParams, Store } from './store.js';

/** Rows of `decision_event_log`. `epoch`: fencing token of a scorer, by which the store drops what comes too late; 0: none. */
export function encodeEvents(events: readonly DecisionEvent[], epoch = 0): EncodedRows {
  refuseUnexplained(events);
  return encodeRows<DecisionEvent>(
    epoch === 0 ? 'decision_event_log' : 'decision_event_writes',
    [...eventColumns((event: DecisionEvent) => event), column('epoch', new IntegerBuilder(), () => epoch)],
    events,
  );
}

/** Rows of `run_decision_log`: events that happened in a what-if. */
export function encodeRunEvents(run: string, events: readonly DecisionEvent[]): EncodedRows {
  refuseUnexplained(events);
  return encodeRows<DecisionEvent>(
    'run_decision_log',
    [column('run', new TextBuilder(), () => run), ...eventColumns((event: DecisionEvent) => event)],
    events,
  );
}

/** What a pass reads without must not be stored without. */
function refuseUnexplained(events: readonly DecisionEvent[]): void {
  if (events.some(({ decision }) => lacksExplanation(decision)))
    throw new RangeError('an event of a decision without what explains it');
}

/** A suppression with its subscription and time. */
export interface SuppressionRow extends Suppression {
  readonly accountId: string;
  readonly subscriptionId: string;
  readonly asOf: Millis;
  readonly rulesRevision: string;
}

/** Rows of `suppression_day_log`. */
export function encodeSuppressions(rows: readonly SuppressionRow[]): EncodedRows {
  return encodeRows<SuppressionRow>(
    'suppression_day_log',
    [
      column('account_id', new TextBuilder(), (s: SuppressionRow) => s.accountId),
      column('subscription_id', new TextBuilder(), (s: SuppressionRow) => s.subscriptionId),
      column('as_of', new TimeBuilder(), (s: SuppressionRow) => s.asOf),
      column('rule', new TextBuilder(), (s: SuppressionRow) => s.rule),
      column('kind', new TextBuilder(), (s: SuppressionRow) => s.kind),
      column('action', new TextBuilder(), (s: SuppressionRow) => s.action),
      column('guardrail', new TextBuilder(), (s: SuppressionRow) => s.guardrail),
      column('reason', new TextBuilder(), (s: SuppressionRow) => s.reason),
      column('rules_revision', new TextBuilder(), (s: SuppressionRow) => s.rulesRevision),
    ],
    rows,
  );
}

/**
 * Where decisions are read from, as `d`, and which of them: the present, or as they stood at a time, put together from their events. A passing state of
 * the present is never read for the past, nor the other way round.
 */
export function decisionsAt(
  time: Millis | null,
  scope: string,
): { from: string; where: string; params: Record<string, unknown> } {
  if (time === null) return { from: 'decision_state AS d FINAL', where: scope, params: {} };
  return {
    from: `(SELECT * FROM decision_event_log FINAL WHERE ${scope} AND at <= {decided_by:DateTime64(3, 'UTC')} AND status_at <= {decided_by:DateTime64(3, 'UTC')}
       ORDER BY account_id, subscription_id, decision_id, version DESC LIMIT 1 BY account_id, subscription_id, decision_id) AS d`,
    where: '1',
    params: { decided_by: dateTime64(time) },
  };
}

const OPEN = `(${OPEN_STATUSES.map((status) => `'${status}'`).join(', ')})`;

/**
 * The decisions of a scope that a pass works on: open ones, and those that are named; only where `withReasons`, with what explains
 * them. `time`: as of then; null: now.
 */
export async function readLiveDecisions(
  store: Store,
  scope: Scope,
  time: Millis | null,
  named: readonly Pick<Decision, 'accountId' | 'decisionId'>[],
  withReasons = false,
): Promise<readonly Decision[]> {
  const { sql, params } = scopeSql(scope);
  const ids = [...new Set(named.map(({ decisionId }) => decisionId))];
  const owners = [...new Set(named.map(({ accountId }) => accountId))];
  const select = (from: string, where: string) =>
    `SELECT ${withReasons ? SELECT_DECISION : SELECT_WORKING_DECISION} FROM ${from} WHERE ${where}`;
  const isNamed = `d.account_id IN {owners:Array(String)} AND d.decision_id IN {ids:Array(String)}`;
  const past = decisionsAt(time, sql);
  const parts =
    time !== null || withReasons
      ? [
          select(
            past.from,
            `${past.where} AND (d.status IN ${OPEN}${ids.length === 0 ? '' : ` OR (${isNamed})`})`,
          ),
        ]
      : [
          select('decision_open AS d FINAL', sql),
          ...(ids.length === 0
            ? []
            : [select('decision_state AS d FINAL', `${sql} AND ${isNamed} AND d.status NOT IN ${OPEN}`)]),
        ];
  const from = parts.length === 1 ? parts[0]! : `SELECT * FROM (${parts.join(' UNION ALL ')})`;
  const query = `${from} ORDER BY accountId, subscriptionId, openedAt, decisionId`;
  const all = { ...params, ...past.params, ids, owners };
  if (withReasons) return (await store.rows<DecisionRow>(query, all, { lane: 'batch' })).map(decisionOf);
  const decisions: Decision[] = [];
  const turns = new Turns();
  for await (const arrow of store.arrow(query, all, { lane: 'batch' })) {
    const decisionAt = workingDecisionReader(batchFromArrow(arrow));
    for (let row = 0; row < arrow.numRows; row++) {
      decisions.push(decisionAt(row));
      if (row % READ_AT_ONCE === 0) await turns.others();
    }
  }
  return decisions;
}

/** Decisions that are read before others may have their turn. */
const READ_AT_ONCE = 256;

/** Of so few accounts, and so few decisions of theirs, all are read at once: one question to the store costs more than the rows. */
const FEW_ACCOUNTS = 4;
const FEW_DECISIONS = 500;

/** Every decision of a few accounts as it is now; undefined: they are too many. `withReasons`: as in `readLiveDecisions`. */
export async function readDecisionsOfFew(
  store: Store,
  scope: Scope,
  withReasons: boolean,
): Promise<readonly Decision[] | undefined> {
  if (!namesFew(scope)) return undefined;
  const { sql, params } = scopeSql(scope);
  const rows = await store.rows<DecisionRow>(
    `SELECT ${withReasons ? SELECT_DECISION : SELECT_WORKING_DECISION} FROM decision_state AS d FINAL WHERE ${sql}
     ORDER BY accountId, subscriptionId, openedAt, decisionId LIMIT ${FEW_DECISIONS + 1}`,
    params,
    { lane: 'batch' },
  );
  return rows.length > FEW_DECISIONS ? undefined : rows.map(withReasons ? decisionOf : workingDecisionOf);
}

/** Whether a scope names a few accounts. */
export function namesFew(scope: Scope): boolean {
  return scope.kind === 'accounts' && scope.accounts.length <= FEW_ACCOUNTS;
}

/** Adds to events what explains their decisions, where a pass had read them without it. */
export async function explained(
  store: Store,
  events: readonly DecisionEvent[],
): Promise<readonly DecisionEvent[]> {
  const lacking = events.filter(({ decision }) => lacksExplanation(decision));
  if (lacking.length === 0) return events;
  const explanations = new Map<string, ReturnType<typeof explanationOf>[1]>();
  for (const some of chunksOf(lacking, NAMED_AT_ONCE)) {
    const rows = await store.rows<DecisionRow>(
      `SELECT ${SELECT_EXPLANATION} FROM (
         SELECT * FROM decision_state WHERE account_id IN {accounts:Array(String)} AND decision_id IN {ids:Array(String)} LIMIT 1 BY decision_id
       ) AS d`,
      {
        accounts: [...new Set(some.map(({ decision }) => decision.accountId))],
        ids: [...new Set(some.map(({ decision }) => decision.decisionId))],
      },
      { lane: 'batch' },
    );
    for (const row of rows) explanations.set(...explanationOf(row));
  }
  return events.map((event) =>
    lacksExplanation(event.decision)
      ? { ...event, decision: { ...event.decision, ...explanations.get(event.decision.decisionId) } }
      : event,
  );
}

const LEDGER_ENTRY = `decision_id AS decisionId, version, kind, status, owner, currency, cost_minor AS costMinor, waits_for AS waitsFor,
  toUnixTimestamp64Milli(answered_at) AS answeredAt, toUnixTimestamp64Milli(opened_at) AS openedAt`;

/** What the shared limits count: what is open, and what was accepted since a time. `time`: as of then; null: now. */
export async function readLedger(
  store: Store,
  acceptedSince: Millis,
  time: Millis | null,
): Promise<readonly LedgerEntry[]> {
  const from = decisionsAt(time, '1');
  return store.rows<LedgerEntry>(
    `SELECT ${LEDGER_ENTRY} FROM ${from.from}
     WHERE ${from.where} AND (status IN ${OPEN} OR (status = 'accepted' AND cost_minor > 0 AND ifNull(d.answered_at, d.opened_at) > {since:DateTime64(3, 'UTC')}))
     ORDER BY decisionId`,
    { since: dateTime64(acceptedSince), ...from.params },
    { lane: 'batch' },
  );
}

/** Decisions of which an event was stored after a time, as they are after their latest one, with the latest time of storing. */
export async function readLedgerSince(
  store: Store,
  storedAfter: Millis,
): Promise<readonly (LedgerEntry & { readonly storedAt: Millis })[]> {
  return store.rows(
    `SELECT ${LEDGER_ENTRY}, toUnixTimestamp64Milli(stored_at) AS storedAt FROM (
       SELECT * FROM decision_event_log WHERE stored_at > {after:DateTime64(3, 'UTC')}
       ORDER BY decision_id, version DESC, epoch DESC LIMIT 1 BY decision_id
     ) AS d ORDER BY storedAt`,
    { after: dateTime64(storedAfter) },
    { lane: 'batch' },
  );
}

/** When decisions of accounts change by themselves. */
export async function readTimers(
  store: Store,
  accounts: { readonly sql: string; readonly params: QueryParams } = { sql: '1', params: {} },
): Promise<readonly { accountId: string; decisionId: string; at: Millis }[]> {
  return store.rows(
    `SELECT account_id AS accountId, decision_id AS decisionId, toUnixTimestamp64Milli(assumeNotNull(timer_at)) AS at
     FROM (SELECT account_id, decision_id, timer_at FROM decision_state FINAL WHERE ${accounts.sql}) WHERE timer_at IS NOT NULL`,
    accounts.params,
    { lane: 'batch' },
  );
}

/** Decisions by their ids, as they are now. */
export async function readDecisions(store: Store, ids: readonly string[]): Promise<readonly Decision[]> {
  const found: Decision[] = [];
  for (const named of chunksOf(ids, NAMED_AT_ONCE)) {
    const rows = await store.rows<DecisionRow>(
      `SELECT ${SELECT_DECISION} FROM (
         SELECT * FROM decision_state WHERE decision_id IN {ids:Array(String)}
         ORDER BY decision_id, version DESC, epoch DESC LIMIT 1 BY account_id, subscription_id, decision_id
       ) AS d ORDER BY d.opened_at DESC, d.decision_id`,
      { ids: named },
    );
    found.push(...rows.map(decisionOf));
  }
  return found;
}

/** The decisions to which something happened by these answers. */
export async function readChangedBy(store: Store, answers: readonly Answer[]): Promise<readonly string[]> {
  const changed: string[] = [];
  for (const named of chunksOf(answers, NAMED_AT_ONCE)) {
    const rows = await store.rows<{ decisionId: string }>(
      `SELECT DISTINCT decision_id AS decisionId FROM decision_event_log
       WHERE account_id IN {accounts:Array(String)} AND decision_id IN {decisions:Array(String)} AND cause_id IN {answers:Array(String)}`,
      {
        accounts: [...new Set(named.map(({ accountId }) => accountId))],
        decisions: named.map(({ decisionId }) => decisionId),
        answers: named.map(({ answerId }) => answerId),
      },
    );
    changed.push(...rows.map(({ decisionId }) => decisionId));
  }
  return changed;
}

/** Every event of a decision, the first first. */
export async function readEventsOf(store: Store, decisionId: string): Promise<readonly DecisionEvent[]> {
  const rows = await store.rows<DecisionRow>(
    `SELECT ${SELECT_EVENT} FROM (
       SELECT * FROM decision_event_log FINAL WHERE decision_id = {decision:String}
     ) AS d ORDER BY d.version`,
    { decision: decisionId },
  );
  return rows.map(eventOf);
}
