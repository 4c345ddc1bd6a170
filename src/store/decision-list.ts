import type { Millis } from '../core/clock.js';
import { dateTime64 } from '../core/sql-time.js';
import type { Decision, DecisionStatus } from '../decisions/decision.js';
import { OPEN_STATUSES } from '../decisions/lifecycle.js';
import type { EventType } from '../rules/event.js';
import { type DecisionRow, decisionOf, SELECT_DECISION } from './decision-table.js';
import type { Store } from './store.js';

/** Orders of a list of decisions, the default first; those that lack the time come last, and equal ones by id. */
export const DECISION_ORDERS = ['open_time desc', 'open_time', 'due_time', 'expire_time'] as const;

export type DecisionOrder = (typeof DECISION_ORDERS)[number];

/** Where a list goes on: after the decision of this id, which has this time by the order of the list. */
export interface DecisionPosition {
  readonly at: Millis | null;
  readonly decisionId: string;
}

/** The place of a decision in a list. */
export function positionOf(decision: Decision, order: DecisionOrder): DecisionPosition {
  return { at: decision[FIELDS[order]], decisionId: decision.decisionId };
}

const FIELDS = {
  'open_time desc': 'openedAt',
  open_time: 'openedAt',
  due_time: 'dueAt',
  expire_time: 'expiresAt',
} as const satisfies Record<DecisionOrder, keyof Decision>;

const COLUMNS: Readonly<Record<DecisionOrder, string>> = {
  'open_time desc': 'd.opened_at',
  open_time: 'd.opened_at',
  due_time: 'd.due_at',
  expire_time: 'd.expires_at',
};

/** Full ids of the decisions whose ids begin with these texts. */
async function resolveDecisionIds(store: Store, beginnings: readonly string[]): Promise<readonly string[]> {
  if (beginnings.every((text) => text.length === 32)) return beginnings;
  const rows = await store.rows<{ id: string }>(
    `SELECT DISTINCT decision_id AS id FROM decision_state
     WHERE arrayExists(text -> startsWith(decision_id, text), {ids:Array(String)})`,
    { ids: beginnings },
  );
  return rows.map(({ id }) => id);
}

export interface DecisionFilter {
  readonly subscriptionId?: string;
  readonly accountId?: string;
  /** Ids, or the beginnings of them. */
  readonly ids?: readonly string[];
  /** Empty: all. */
  readonly statuses: readonly DecisionStatus[];
  readonly kinds?: readonly EventType[];
  readonly rules?: readonly string[];
  readonly actions?: readonly string[];
  readonly owner?: string;
  /** What asks for approval: a guardrail, or "brake". */
  readonly waitsFor?: string;
  readonly openedSince?: Millis;
  readonly openedBefore?: Millis;
  /** Accepted offers that billing has not confirmed by this time after their acceptance. */
  readonly unconfirmedBefore?: Millis;
  /** Only what its owner should have acted upon and has not. */
  readonly overdue?: boolean;
  /** @default open_time desc */
  readonly order?: DecisionOrder;
  /** Only what comes after this one in the order of the list. */
  readonly after?: DecisionPosition;
  readonly limit: number;
}

/** Decisions as they stand now, in the order asked for. */
export async function listDecisions(store: Store, filter: DecisionFilter): Promise<readonly Decision[]> {
  const ids = filter.ids && (await resolveDecisionIds(store, filter.ids));
  if (ids?.length === 0) return [];
  const { key, rest, params } = conditionsOf(ids === undefined ? filter : { ...filter, ids });
  const rows = await store.rows<DecisionRow>(
    `SELECT ${SELECT_DECISION} FROM (SELECT * FROM decision_state FINAL WHERE ${key}) AS d
     WHERE ${rest} ${orderBy(filter.order)} LIMIT {limit:UInt32}`,
    { ...params, limit: filter.limit },
  );
  return rows.map(decisionOf);
}

/** `key`: conditions on what identifies a decision, which never changes; `rest`: on its present state. */
function conditionsOf(filter: DecisionFilter): {
  key: string;
  rest: string;
  params: Record<string, unknown>;
} {
  const key: string[] = ['1'];
  const rest: string[] = ['1'];
  const params: Record<string, unknown> = {};
  const add = (where: string[], name: string, type: string, value: unknown, sql: string): void => {
    if (value === undefined || (Array.isArray(value) && value.length === 0)) return;
    where.push(sql.replace('?', `{${name}:${type}}`));
    params[name] = value;
  };
  const time = (at: Millis | undefined) => (at === undefined ? undefined : dateTime64(at));
  const TIME = "DateTime64(3, 'UTC')";
  add(key, 'subscription', 'String', filter.subscriptionId, 'subscription_id = ?');
  add(key, 'account', 'String', filter.accountId, 'account_id = ?');
  add(key, 'ids', 'Array(String)', filter.ids, 'decision_id IN ?');
  add(rest, 'statuses', 'Array(String)', filter.statuses, 'd.status IN ?');
  add(rest, 'kinds', 'Array(String)', filter.kinds, 'd.kind IN ?');
  add(rest, 'rules', 'Array(String)', filter.rules, 'd.rule IN ?');
  add(rest, 'actions', 'Array(String)', filter.actions, 'd.action IN ?');
  add(rest, 'owner', 'String', filter.owner, 'd.owner = ?');
  add(rest, 'waits_for', 'String', filter.waitsFor, 'd.waits_for = ?');
  add(rest, 'opened_since', TIME, time(filter.openedSince), 'd.opened_at >= ?');
  add(rest, 'opened_before', TIME, time(filter.openedBefore), 'd.opened_at < ?');
  add(
    rest,
    'unconfirmed',
    TIME,
    time(filter.unconfirmedBefore),
    "d.status = 'accepted' AND d.confirmed_at IS NULL AND d.answered_at < ?",
  );
  if (filter.overdue === true)
    rest.push(
      `d.overdue_at IS NOT NULL AND d.status IN (${OPEN_STATUSES.map((status) => `'${status}'`).join(', ')})`,
    );
  if (filter.after !== undefined) {
    rest.push(`(${afterSql(filter.order, filter.after.at)})`);
    params.after = filter.after.at === null ? null : dateTime64(filter.after.at);
    params.after_id = filter.after.decisionId;
  }
  return { key: key.join(' AND '), rest: rest.join(' AND '), params };
}

function orderBy(order: DecisionOrder = DECISION_ORDERS[0]): string {
  const direction = order.endsWith(' desc') ? 'DESC' : 'ASC';
  return `ORDER BY ${COLUMNS[order]} ${direction} NULLS LAST, d.decision_id`;
}

/** What comes after a place. */
function afterSql(order: DecisionOrder = DECISION_ORDERS[0], at: Millis | null): string {
  const time = COLUMNS[order];
  const after = "{after:Nullable(DateTime64(3, 'UTC'))}";
  const later = 'd.decision_id > {after_id:String}';
  if (at === null) return `${time} IS NULL AND ${later}`;
  const further = `${time} ${order.endsWith(' desc') ? '<' : '>'} ${after}`;
  return `${further} OR ${time} IS NULL OR (${time} = ${after} AND ${later})`;
}
