import {
  FloatBuilder,
  IntegerBuilder,
  TextBuilder,
  TextListBuilder,
  TextMapBuilder,
  TimeBuilder,
} from '../columns/arrow-builder.js';
import type { Millis } from '../core/clock.js';
import { LIMITS } from '../core/limits.js';
import { dateTime64 } from '../core/sql-time.js';
import type { Answer, Decision, DecisionStatus, Suppression } from '../decisions/decision.js';
import { type Scope, scopeSql } from '../features/population.js';
import type { EventType } from '../rules/event.js';
import { column, type EncodedRows, encodeRows } from './encoded-rows.js';
import type { Store } from './store.js';

/** Rows of `decision_log`. */
export function encodeDecisions(decisions: readonly Decision[], computedAt: Millis): EncodedRows {
  return encodeRows<Decision>(
    'decision_log',
    [
      column('account_id', new TextBuilder(), (d: Decision) => d.accountId),
      column('subscription_id', new TextBuilder(), (d: Decision) => d.subscriptionId),
      column('decision_id', new TextBuilder(), (d: Decision) => d.decisionId),
      column('as_of', new TimeBuilder(), (d: Decision) => d.asOf),
      column('kind', new TextBuilder(), (d: Decision) => d.kind),
      column('action', new TextBuilder(), (d: Decision) => d.action),
      column('params', new TextMapBuilder(), (d: Decision) => d.params),
      column('status', new TextBuilder(), (d: Decision) => d.status),
      column('opened_at', new TimeBuilder(), (d: Decision) => d.openedAt),
      column('closed_by', new TextBuilder(), (d: Decision) => d.closedBy),
      column('closed_at', new TimeBuilder(), (d: Decision) => d.closedAt),
      column('expires_at', new TimeBuilder(), (d: Decision) => d.expiresAt),
      column('rule', new TextBuilder(), (d: Decision) => d.rule),
      column('reasons', new TextListBuilder(), (d: Decision) => d.reasons),
      column('suppressed', new TextBuilder(), (d: Decision) => JSON.stringify(d.suppressed)),
      column('risk', new FloatBuilder(), (d: Decision) => d.risk),
      column('band', new TextBuilder(), (d: Decision) => d.band),
      column('arr_at_risk_minor', new IntegerBuilder(), (d: Decision) => d.arrAtRiskMinor),
      column('currency', new TextBuilder(), (d: Decision) => d.currency),
      column('owner', new TextBuilder(), (d: Decision) => d.owner),
      column('discount_pct', new FloatBuilder(), (d: Decision) => d.discountPct),
      column('cost_minor', new IntegerBuilder(), (d: Decision) => d.costMinor),
      column('rules_revision', new TextBuilder(), (d: Decision) => d.rulesRevision),
      column('scoring_revision', new TextBuilder(), (d: Decision) => d.scoringRevision),
      column('computed_at', new TimeBuilder(), () => computedAt),
    ],
    decisions,
  );
}

/** A suppression with whom and when it concerns. */
export interface SuppressionRow extends Suppression {
  readonly accountId: string;
  readonly subscriptionId: string;
  readonly asOf: Millis;
  readonly rulesRevision: string;
}

/** Rows of `suppression_log`. */
export function encodeSuppressions(rows: readonly SuppressionRow[], computedAt: Millis): EncodedRows {
  return encodeRows<SuppressionRow>(
    'suppression_log',
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
      column('computed_at', new TimeBuilder(), () => computedAt),
    ],
    rows,
  );
}

/** The columns of a decision, under the names of `Decision`; `decisionOf` reads a row of them. */
export const DECISION = `account_id AS accountId, subscription_id AS subscriptionId, decision_id AS decisionId,
  toUnixTimestamp64Milli(as_of) AS asOf, kind, action, params, status, toUnixTimestamp64Milli(opened_at) AS openedAt, closed_by AS closedBy,
  toUnixTimestamp64Milli(closed_at) AS closedAt, toUnixTimestamp64Milli(expires_at) AS expiresAt, rule, reasons, suppressed, risk, band,
  arr_at_risk_minor AS arrAtRiskMinor, currency, owner, discount_pct AS discountPct, cost_minor AS costMinor,
  rules_revision AS rulesRevision, scoring_revision AS scoringRevision`;

export type DecisionRow = Omit<Decision, 'suppressed'> & { readonly suppressed: string };

export function decisionOf(row: DecisionRow): Decision {
  return { ...row, suppressed: JSON.parse(row.suppressed) as Suppression[] };
}

/** The latest state of each decision that an earlier time than `before` gave it. */
const LATEST_BEFORE = `SELECT * FROM decision_log WHERE as_of < {before:DateTime64(3, 'UTC')}`;
const LATEST =
  'ORDER BY account_id, subscription_id, decision_id, as_of DESC, computed_at DESC LIMIT 1 BY account_id, subscription_id, decision_id';

/**
 * What had been decided for accounts before a time: every decision that was open then, or opened or closed as long
 * before as a guardrail can look back. Rows of that very time do not count, so that deciding it again gives the same.
 */
export async function readDecisionHistory(
  store: Store,
  scope: Scope,
  before: Millis,
): Promise<readonly Decision[]> {
  const { sql, params } = scopeSql(scope);
  const rows = await store.rows<DecisionRow>(
    `SELECT ${DECISION} FROM (${LATEST_BEFORE} AND ${sql} ${LATEST}) AS d
     WHERE d.status IN ('open', 'pending_approval') OR d.as_of >= {before:DateTime64(3, 'UTC')} - toIntervalDay(${LIMITS.guardrailDays})
     ORDER BY accountId, subscriptionId, openedAt, decisionId`,
    { ...params, before: dateTime64(before) },
    { lane: 'batch' },
  );
  return rows.map(decisionOf);
}

/** The latest time up to `until` as of which anything was decided; null when nothing was. */
export async function readLatestDecisionTime(store: Store, until: Millis): Promise<Millis | null> {
  const rows = await store.rows<{ latest: Millis | null }>(
    `SELECT toUnixTimestamp64Milli(maxOrNull(as_of)) AS latest FROM decision_log
     WHERE as_of <= {until:DateTime64(3, 'UTC')}`,
    { until: dateTime64(until) },
    { lane: 'batch' },
  );
  return rows[0]?.latest ?? null;
}

/** Open decisions over all accounts by owner and kind, as of just before a time. */
export async function countOpenByOwner(
  store: Store,
  before: Millis,
): Promise<readonly { owner: string; kind: EventType; count: number }[]> {
  return store.rows(
    `SELECT owner, kind, count() AS count FROM (${LATEST_BEFORE} ${LATEST})
     WHERE status IN ('open', 'pending_approval') GROUP BY owner, kind ORDER BY owner, kind`,
    { before: dateTime64(before) },
    { lane: 'batch' },
  );
}

/** What decisions over all accounts give away that opened in the days before a time. */
export async function readSpending(
  store: Store,
  days: number,
  before: Millis,
): Promise<readonly { at: Millis; currency: string; costMinor: number }[]> {
  return store.rows(
    `SELECT toUnixTimestamp64Milli(opened_at) AS at, currency, toInt64(sum(cost_minor)) AS costMinor FROM (
       SELECT DISTINCT decision_id, opened_at, currency, cost_minor FROM decision_log
       WHERE as_of < {before:DateTime64(3, 'UTC')} AND opened_at > {before:DateTime64(3, 'UTC')} - toIntervalDay({days:UInt32}) AND cost_minor > 0
     ) GROUP BY at, currency ORDER BY at, currency`,
    { days, before: dateTime64(before) },
    { lane: 'batch' },
  );
}

/** Outcomes up to a time that answer decisions of these accounts, the earliest first. */
export async function readAnswers(store: Store, scope: Scope, asOf: Millis): Promise<readonly Answer[]> {
  const { sql, params } = scopeSql(scope);
  return store.rows<Answer>(
    `SELECT decision_id AS decisionId, kind, toUnixTimestamp64Milli(occurred_at) AS occurredAt FROM outcomes
     WHERE ${sql} AND decision_id != '' AND occurred_at <= {as_of:DateTime64(3, 'UTC')}
     ORDER BY occurredAt, kind, id`,
    { ...params, as_of: dateTime64(asOf) },
    { lane: 'batch' },
  );
}

export interface DecisionFilter {
  readonly subscriptionId?: string;
  readonly accountId?: string;
  readonly statuses: readonly DecisionStatus[];
  readonly kinds?: readonly EventType[];
  /** Only what comes after this one in the order of the list. */
  readonly after?: { readonly openedAt: Millis; readonly decisionId: string };
  readonly limit: number;
}

/** Decisions as they stand now, the newest first, then by id. */
export async function listDecisions(store: Store, filter: DecisionFilter): Promise<readonly Decision[]> {
  const inner = ['1'];
  const outer = ['status IN {statuses:Array(String)}'];
  const params: Record<string, unknown> = { statuses: filter.statuses, limit: filter.limit };
  if (filter.subscriptionId !== undefined) {
    inner.push('subscription_id = {subscription:String}');
    params.subscription = filter.subscriptionId;
  }
  if (filter.accountId !== undefined) {
    inner.push('account_id = {account:String}');
    params.account = filter.accountId;
  }
  if (filter.kinds !== undefined && filter.kinds.length > 0) {
    outer.push('kind IN {kinds:Array(String)}');
    params.kinds = filter.kinds;
  }
  if (filter.after !== undefined) {
    outer.push(
      "(opened_at < {after:DateTime64(3, 'UTC')} OR (opened_at = {after:DateTime64(3, 'UTC')} AND decision_id > {after_id:String}))",
    );
    params.after = dateTime64(filter.after.openedAt);
    params.after_id = filter.after.decisionId;
  }
  const rows = await store.rows<DecisionRow>(
    `SELECT ${DECISION} FROM (SELECT * FROM decision_log WHERE ${inner.join(' AND ')} ${LATEST}) AS d
     WHERE ${outer.join(' AND ')} ORDER BY openedAt DESC, decisionId LIMIT {limit:UInt32}`,
    params,
  );
  return rows.map(decisionOf);
}
