import { Int32Builder, TextBuilder, TimeBuilder } from '../columns/arrow-builder.js';
import { chunksOf } from '../core/chunks.js';
import type { Millis } from '../core/clock.js';
import { groupBy } from '../core/group-by.js';
import { subscriptionKey } from '../core/identity.js';
import { dateTime64 } from '../core/sql-time.js';
import { type Scope, scopeSql } from '../features/population.js';
import { findMoves, type Move, possibleReturns, type Return, type Stay } from '../signals/moves.js';
import { column, encodeRows, insertRows } from './encoded-rows.js';
import type { QueryParams, Store } from './store.js';

/**
 * Subscriptions or accounts of one query: their ids go with it as text. With 90,000 names in one list, a query that took 0.3 s of processor
 * time with 40,000 took minutes.
 */
const AT_ONCE = 5_000;

interface MoveRow extends Move {
  readonly holds: number;
}

/**
 * Looks at subscriptions of which something was stored or taken out, and notes which have moved from one account to another, and
 * which have not after all. Resolves to the accounts whose subscriptions have changed by it.
 */
export async function settleMoves(
  store: Store,
  subscriptionIds: Iterable<string>,
): Promise<ReadonlySet<string>> {
  const accounts = new Set<string>();
  const all = [...new Set(subscriptionIds)];
  for (const some of chunksOf(all, AT_ONCE)) {
    const shared = await sharedOf(store, some);
    if (shared.length === 0) continue;
    const known = await knownMoves(store, shared);
    const stays = await staysOf(store, shared);
    const moves = [...findMoves(stays), ...(await returnsOf(store, possibleReturns(stays)))];
    const changes = [
      ...moves
        .filter((move) => !known.some((one) => isSame(one, move)))
        .map((move) => ({ ...move, holds: 1 })),
      ...known
        .filter(
          (one) =>
            !moves.some(
              (move) => move.accountId === one.accountId && move.subscriptionId === one.subscriptionId,
            ),
        )
        .map((one) => ({ ...one, holds: 0 })),
    ];
    await insertMoves(store, changes);
    for (const { accountId, movedTo } of changes) accounts.add(accountId).add(movedTo);
  }
  return accounts;
}

/** The subscriptions that moved and that are or were of these accounts. */
export async function movedOf(store: Store, accounts: readonly string[]): Promise<readonly string[]> {
  const ids = new Set<string>();
  for (const some of chunksOf(accounts, AT_ONCE)) {
    const rows = await store.rows<{ id: string }>(
      `SELECT DISTINCT subscription_id AS id FROM subscription_log WHERE account_id IN {accounts:Array(String)}
       UNION DISTINCT SELECT subscription_id FROM moved_subscriptions WHERE account_id IN {accounts:Array(String)} OR moved_to IN {accounts:Array(String)}`,
      { accounts: some },
      { lane: 'write' },
    );
    for (const { id } of rows) ids.add(id);
  }
  return [...ids];
}

/** A subscription, the account that it left, and the one that has it now. */
export interface Arrival {
  readonly accountId: string;
  readonly subscriptionId: string;
  readonly nowAt: string;
}

/** Where the subscriptions that moved to accounts of a scope by a time had been before, however often they moved. */
export async function readArrivals(store: Store, scope: Scope, by: Millis): Promise<readonly Arrival[]> {
  const { sql, params } = scopeSql(scope);
  const moves = (where: string, more: QueryParams): Promise<readonly Arrival[]> =>
    store.rows<Arrival>(
      `SELECT left AS accountId, subscription_id AS subscriptionId, account_id AS nowAt FROM (
         SELECT left, subscription_id, moved_to AS account_id FROM (
           SELECT account_id AS left, subscription_id, moved_to FROM moved_subscriptions FINAL
           WHERE holds = 1 AND moved_at <= {by:DateTime64(3, 'UTC')}
         )
       ) WHERE ${where}`,
      { by: dateTime64(by), ...more },
      { lane: 'batch' },
    );
  const arrived = await moves(sql, params);
  if (arrived.length === 0) return arrived;
  const ids = [...new Set(arrived.map(({ subscriptionId }) => subscriptionId))];
  const all = await moves('subscription_id IN {ids:Array(String)}', { ids });
  const next = new Map(all.map((one) => [subscriptionKey(one.accountId, one.subscriptionId), one.nowAt]));
  return all.map(({ accountId, subscriptionId, nowAt }) => {
    let at = nowAt;
    const been = new Set([accountId]);
    for (let to: string | undefined = at; to !== undefined && !been.has(to); ) {
      at = to;
      been.add(to);
      to = next.get(subscriptionKey(at, subscriptionId));
    }
    return { accountId, subscriptionId, nowAt: at };
  });
}

/** Those that more than one account has ever had. */
async function sharedOf(store: Store, ids: readonly string[]): Promise<readonly string[]> {
  const rows = await store.rows<{ id: string }>(
    `SELECT subscription_id AS id FROM subscription_log WHERE subscription_id IN {ids:Array(String)}
     GROUP BY subscription_id HAVING uniqExact(account_id) > 1`,
    { ids },
    { lane: 'write' },
  );
  return rows.map(({ id }) => id);
}

function staysOf(store: Store, ids: readonly string[]): Promise<readonly Stay[]> {
  return store.rows<Stay>(
    `SELECT account_id AS accountId, subscription_id AS subscriptionId, toUnixTimestamp64Milli(min(occurred_at)) AS first,
       toUnixTimestamp64Milli(max(occurred_at)) AS last, toUnixTimestamp64Milli(argMin(received_at, occurred_at)) AS receivedAt,
       toString(argMin(start, occurred_at)) AS startDate
     FROM subscription_log FINAL WHERE subscription_id IN {ids:Array(String)} AND _ended = ''
     GROUP BY accountId, subscriptionId`,
    { ids },
    { lane: 'write' },
  );
}

/** Those in which the account that has it again said nothing of it while the other had it. */
async function returnsOf(store: Store, possible: readonly Return[]): Promise<readonly Move[]> {
  if (possible.length === 0) return [];
  const params = {
    ids: [...new Set(possible.map(({ subscriptionId }) => subscriptionId))],
    accounts: [...new Set(possible.map(({ backTo }) => backTo))],
  };
  const rows = await store.rows<{
    accountId: string;
    subscriptionId: string;
    at: Millis;
    receivedAt: Millis;
  }>(
    `SELECT account_id AS accountId, subscription_id AS subscriptionId, toUnixTimestamp64Milli(occurred_at) AS at,
       toUnixTimestamp64Milli(received_at) AS receivedAt
     FROM subscription_log FINAL
     WHERE account_id IN {accounts:Array(String)} AND subscription_id IN {ids:Array(String)} AND _ended = '' ORDER BY occurred_at`,
    params,
    { lane: 'write' },
  );
  const records = groupBy(rows, (row) => subscriptionKey(row.accountId, row.subscriptionId));
  return possible.flatMap(({ subscriptionId, accountId, first, last, backTo }): Move[] => {
    const those = records.get(subscriptionKey(backTo, subscriptionId)) ?? [];
    const next = those.find(({ at }) => at >= first);
    if (next === undefined || next.at <= last) return [];
    return [{ accountId, subscriptionId, movedTo: backTo, movedAt: next.at, receivedAt: next.receivedAt }];
  });
}

function knownMoves(store: Store, ids: readonly string[]): Promise<readonly Move[]> {
  return store.rows<Move>(
    `SELECT account_id AS accountId, subscription_id AS subscriptionId, moved_to AS movedTo, toUnixTimestamp64Milli(moved_at) AS movedAt,
       toUnixTimestamp64Milli(received_at) AS receivedAt
     FROM moved_subscriptions FINAL WHERE subscription_id IN {ids:Array(String)} AND holds = 1`,
    { ids },
    { lane: 'write' },
  );
}

function isSame(one: Move, other: Move): boolean {
  return (
    one.accountId === other.accountId &&
    one.subscriptionId === other.subscriptionId &&
    one.movedTo === other.movedTo &&
    one.movedAt === other.movedAt
  );
}

async function insertMoves(store: Store, moves: readonly MoveRow[]): Promise<void> {
  type Row = MoveRow;
  await insertRows(
    store,
    encodeRows<Row>(
      'moved_subscriptions',
      [
        column('account_id', new TextBuilder(), (r: Row) => r.accountId),
        column('subscription_id', new TextBuilder(), (r: Row) => r.subscriptionId),
        column('moved_to', new TextBuilder(), (r: Row) => r.movedTo),
        column('moved_at', new TimeBuilder(), (r: Row) => r.movedAt),
        column('received_at', new TimeBuilder(), (r: Row) => r.receivedAt),
        column('holds', new Int32Builder(), (r: Row) => r.holds),
      ],
      moves,
    ),
  );
}
