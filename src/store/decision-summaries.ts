import type { Batch } from '../columns/batch.js';
import { batchFromArrow } from '../columns/from-arrow.js';
import { DAY_MS, type Millis } from '../core/clock.js';
import { LIMITS } from '../core/limits.js';
import { type Scope, scopeSql } from '../features/population.js';
import { decisionsAt, namesFew } from './decision-log.js';
import type { Store } from './store.js';

/*
 * What guardrails and facts need of everything that was decided for accounts. Computed from all their decisions it costs more with
 * each of them; so digests of accounts are kept, and one is used while nothing has happened since to a decision of its account. They
 * are made anew after a pass over everyone, by the one writer of the accounts. Questions about another time have none.
 */

/** Digests are made by one who has seen everything that was stored so much earlier. */
const MARGIN_SECONDS = 5;

const ENDS = ['accepted', 'declined', 'expired', 'resolved'] as const;
/** The fields of a digest's actions beside their times of opening, in the order of their tuple. */
const FIELDS = [
  'subscription_id',
  'kind',
  'action',
  'openings',
  'opened_times',
  'opened_at',
  'presented_at',
  ...ENDS.map((end) => `${end}_at`),
  'seen_at',
] as const;

/** One row for each action of a subscription, of decisions as `decisionsAt` has them. */
function summariesOf({ from, where }: { readonly from: string; readonly where: string }): string {
  const end = (status: string) =>
    `maxOrNullIf(toUnixTimestamp64Milli(assumeNotNull(closed_at)), status = '${status}') AS ${status}_at`;
  return `SELECT account_id, subscription_id, toString(d.kind) AS kind, toString(d.action) AS action, toFloat64(max(ordinal)) AS openings,
      max(toUnixTimestamp64Milli(d.opened_at)) AS opened_at,
      arrayFilter(t -> t > opened_at - ${365 * DAY_MS}, groupArray(toUnixTimestamp64Milli(d.opened_at))) AS opened_times,
      maxOrNull(toUnixTimestamp64Milli(d.presented_at)) AS presented_at, ${ENDS.map(end).join(', ')},
      arrayMap(t -> toString(t), arraySlice(arrayReverseSort(groupArrayIf(toUnixTimestamp64Milli(assumeNotNull(d.presented_at)), d.presented_at IS NOT NULL)),
        1, ${LIMITS.frequencyCap})) AS seen_at
    FROM ${from} WHERE ${where} GROUP BY account_id, subscription_id, kind, action`;
}

/** The columns of `ActionSummary`, of rows of `summariesOf`. */
function columnsOfSummaries(): string {
  return FIELDS.map((name) => {
    if (name === 'opened_times')
      return 'toFloat64(arrayCount(t -> t > {year_before:Int64}, opened_times)) AS opened_last_year';
    // One text for all: it is looked at for few accounts.
    return name === 'seen_at' ? "arrayStringConcat(seen_at, ',') AS seen_at" : name;
  }).join(', ');
}

/** Digests of a scope that hold. */
function holding(scope: string): string {
  return `SELECT g.account_id AS account_id, g.actions AS actions
    FROM (SELECT * FROM decision_digests FINAL WHERE ${scope}) AS g
    INNER JOIN (SELECT account_id, max(changed_at) AS changed_at FROM decision_changes WHERE ${scope} GROUP BY account_id) AS c
      ON c.account_id = g.account_id
    WHERE c.changed_at < g.valid_at - toIntervalSecond(${MARGIN_SECONDS})`;
}

/** Accounts of a scope that have decisions and no digest that holds. */
function changed(scope: string): string {
  return `SELECT account_id FROM decision_changes WHERE ${scope} AND account_id NOT IN (SELECT account_id FROM (${holding(scope)}))`;
}

/**
 * One row for each action of a subscription: the columns of `ActionSummary`, `seen_at` as one text. `time`: as of then; null: now.
 * `asOf`: what the year before counts from; never before the latest decision.
 */
export async function* readSummaries(
  store: Store,
  scope: Scope,
  time: Millis | null,
  asOf: Millis,
): AsyncGenerator<Batch> {
  const { sql, params } = scopeSql(scope);
  // Of a few accounts all decisions are read sooner than it is found out which digests hold.
  const digests = time === null && !namesFew(scope);
  const from = decisionsAt(time, digests ? `${sql} AND account_id IN (${changed(sql)})` : sql);
  const computed = summariesOf(from);
  const digested = `SELECT account_id, ${FIELDS.map((name) => `a.${name} AS ${name}`).join(', ')} FROM (${holding(sql)}) ARRAY JOIN actions AS a`;
  const all = digests
    ? `SELECT account_id, ${FIELDS.join(', ')} FROM (${computed}) UNION ALL ${digested}`
    : computed;
  const query = `SELECT account_id, ${columnsOfSummaries()} FROM (${all})`;
  const year = { year_before: asOf - 365 * DAY_MS };
  for await (const arrow of store.arrow(query, { ...params, ...from.params, ...year }, { lane: 'batch' }))
    if (arrow.numRows > 0) yield batchFromArrow(arrow);
}

/** A subscription at the account that it left. */
export interface Left {
  readonly accountId: string;
  readonly subscriptionId: string;
}

/** The same of single subscriptions, whose accounts need not be in any scope. */
export async function* readSummariesOf(
  store: Store,
  left: readonly Left[],
  time: Millis | null,
  asOf: Millis,
): AsyncGenerator<Batch> {
  const from = decisionsAt(
    time,
    'account_id IN {left_accounts:Array(String)} AND subscription_id IN {left_subscriptions:Array(String)}',
  );
  const query = `SELECT account_id, ${columnsOfSummaries()} FROM (${summariesOf(from)})`;
  const params = {
    left_accounts: [...new Set(left.map(({ accountId }) => accountId))],
    left_subscriptions: [...new Set(left.map(({ subscriptionId }) => subscriptionId))],
    year_before: asOf - 365 * DAY_MS,
  };
  for await (const arrow of store.arrow(query, { ...params, ...from.params }, { lane: 'batch' }))
    if (arrow.numRows > 0) yield batchFromArrow(arrow);
}

/** Makes the digests of a scope's accounts anew to whose decisions something has happened. By the one writer of their decisions. */
export async function digestDecisions(store: Store, scope: Scope): Promise<void> {
  const { sql, params } = scopeSql(scope);
  await store.command(
    `INSERT INTO decision_digests (account_id, valid_at, actions)
     SELECT account_id, now64(3) AS valid_at, groupArray((${FIELDS.join(', ')})) AS actions
     FROM (${summariesOf(decisionsAt(null, `${sql} AND account_id IN (${changed(sql)})`))}) GROUP BY account_id`,
    params,
  );
}

/** Of the closed ones among the open so many may lie about: each costs what an open one does. */
const UNTIDY_ROWS = 20_000;

/** Takes out of the table of open decisions what has closed, where that has become much. */
export async function tidyOpenDecisions(store: Store, most = UNTIDY_ROWS): Promise<void> {
  const [rows] = await store.rows<{ closed: number }>(
    'SELECT count() AS closed FROM decision_open WHERE gone = 1',
    {},
    {
      lane: 'batch',
    },
  );
  if ((rows?.closed ?? 0) > most) await store.command('OPTIMIZE TABLE decision_open FINAL CLEANUP');
}
