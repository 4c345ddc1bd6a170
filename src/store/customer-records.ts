import type { Millis } from '../core/clock.js';
import { dateTime64 } from '../core/sql-time.js';
import { CATEGORIES, type Category, type Signal } from '../signals/signal.js';
import type { Subscription } from '../signals/subscription.js';
import { SIGNALS } from './signal-log.js';
import type { Store } from './store.js';
import { SUBSCRIPTIONS } from './subscription-log.js';

/** Time of the earliest signal or subscription of an account; undefined when nothing of it is stored. */
export async function readFirstSeen(store: Store, account: string): Promise<Millis | undefined> {
  const [row] = await store.rows<{ seen: Millis }>(
    `SELECT toUnixTimestamp64Milli(min(first_seen_at)) AS seen FROM accounts WHERE account_id = {account:String}
     GROUP BY account_id HAVING max(last_stored_at) >= max(emptied_at)`,
    { account },
    { lane: 'ask' },
  );
  return row?.seen;
}

/** The subscriptions that an account has, as they stand now. */
export async function readSubscriptions(store: Store, account: string): Promise<readonly Subscription[]> {
  const rows = await store.rows<Record<string, unknown>>(
    `SELECT ${SUBSCRIPTIONS.select} FROM (
       SELECT * REPLACE (if(ifNull(end <= toDate32(now('UTC')), 0), 'ended', status) AS status),
         occurred_at > now64(3) OR (status IN ('active', 'trialing', 'past_due') AND ifNull(start > toDate32(now('UTC')), 0)) AS is_ahead
       FROM subscription_history WHERE account_id = {account:String} AND subscription_id NOT IN (
         SELECT subscription_id FROM moved_subscriptions FINAL WHERE account_id = {account:String} AND holds = 1 AND moved_at <= now64(3))
       ORDER BY subscription_id, is_ahead, if(is_ahead, 1, -1) * toUnixTimestamp64Milli(occurred_at) LIMIT 1 BY subscription_id)
     ORDER BY subscriptionId`,
    { account },
    { lane: 'ask' },
  );
  return rows.map((row) => SUBSCRIPTIONS.valueOf(row));
}

/** The latest signals of one category, and how many there were of late. */
export interface RecentSignals {
  readonly category: Category;
  readonly recent: number;
  /** The newest first. */
  readonly signals: readonly Signal[];
}

/** The latest signals of an account by category. `since`: from when on they are counted; `each`: how many are given. */
export async function readRecentSignals(
  store: Store,
  account: string,
  { since, each }: { readonly since: Millis; readonly each: number },
): Promise<readonly RecentSignals[]> {
  const latest = await store.rows<Record<string, unknown>>(
    `SELECT ${SIGNALS.select} FROM (
       SELECT * FROM signals WHERE account_id = {account:String} ORDER BY occurred_at DESC, source, id LIMIT {each:UInt32} BY category
     ) ORDER BY occurredAt DESC, source, id`,
    { account, each },
    { lane: 'ask' },
  );
  const counts = await store.rows<{ category: Category; recent: number }>(
    `SELECT category, count() AS recent FROM signals
     WHERE account_id = {account:String} AND occurred_at >= {since:DateTime64(3, 'UTC')} GROUP BY category`,
    { account, since: dateTime64(since) },
    { lane: 'ask' },
  );
  const signals = latest.map((row) => SIGNALS.valueOf(row));
  const recent = new Map(counts.map((row) => [row.category, row.recent]));
  return CATEGORIES.map((category) => ({
    category,
    recent: recent.get(category) ?? 0,
    signals: signals.filter((signal) => signal.category === category),
  })).filter((one) => one.signals.length > 0);
}
