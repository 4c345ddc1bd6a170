import { FloatBuilder, TextBuilder, TimeBuilder } from '../columns/arrow-builder.js';
import type { Millis } from '../core/clock.js';
import { dateTime64 } from '../core/sql-time.js';
import { type Scope, scopeSql } from '../features/population.js';
import type { RiskOverride } from '../scoring/override.js';
import { column, encodeRows, insertRows } from './encoded-rows.js';
import type { CallOptions, QueryParams, Store } from './store.js';

/** A row of the log: what a person said of a subscription's risk, or with null that it is as it is computed again. */
export interface LoggedOverride extends Omit<RiskOverride, 'risk'> {
  readonly risk: number | null;
  /** Of the call that made it; empty: it had no request id. */
  readonly requestKey: string;
}

export async function insertOverride(store: Store, override: LoggedOverride): Promise<void> {
  type Row = LoggedOverride;
  await insertRows(
    store,
    encodeRows<Row>(
      'risk_override_log',
      [
        column('account_id', new TextBuilder(), (r: Row) => r.accountId),
        column('subscription_id', new TextBuilder(), (r: Row) => r.subscriptionId),
        column('set_at', new TimeBuilder(), (r: Row) => r.setAt),
        column('risk', new FloatBuilder(), (r: Row) => r.risk),
        column('reason', new TextBuilder(), (r: Row) => r.reason),
        column('author', new TextBuilder(), (r: Row) => r.author),
        column('until', new TimeBuilder(), (r: Row) => r.until),
        column('request_key', new TextBuilder(), (r: Row) => r.requestKey),
      ],
      [override],
    ),
  );
}

const EVERYONE: Scope = { kind: 'range', first: '', last: '\u{10ffff}' };

/** The overrides that hold as of a time. */
export async function readOverrides(
  store: Store,
  asOf: Millis,
  scope: Scope = EVERYONE,
  options: CallOptions = { lane: 'batch' },
): Promise<readonly RiskOverride[]> {
  const { sql, params } = scopeSql(scope);
  return store.rows<RiskOverride>(
    `${holding(sql)} ORDER BY accountId, subscriptionId`,
    { ...params, as_of: dateTime64(asOf) },
    options,
  );
}

/** Behind which override a page begins, and how many it has at most. */
export interface OverridePage {
  readonly after?: Pick<RiskOverride, 'accountId' | 'subscriptionId'>;
  readonly limit: number;
}

/** A page of the overrides that hold as of a time, by account and subscription. */
export async function listOverrides(
  store: Store,
  asOf: Millis,
  { after, limit }: OverridePage,
): Promise<readonly RiskOverride[]> {
  return store.rows<RiskOverride>(
    `${holding('(account_id, subscription_id) > ({account:String}, {subscription:String})')}
     ORDER BY accountId, subscriptionId LIMIT {limit:UInt32}`,
    {
      account: after?.accountId ?? '',
      subscription: after?.subscriptionId ?? '',
      limit,
      as_of: dateTime64(asOf),
    },
    { lane: 'ask' },
  );
}

/** What was last said of each subscription by `as_of`, where it still holds then. */
function holding(which: string): string {
  return `SELECT * FROM (
     SELECT account_id AS accountId, subscription_id AS subscriptionId, risk, reason, author,
       toUnixTimestamp64Milli(set_at) AS setAt, toUnixTimestamp64Milli(o.until) AS until
     FROM risk_override_log AS o FINAL WHERE ${which} AND set_at <= {as_of:DateTime64(3, 'UTC')}
     ORDER BY account_id, subscription_id, set_at DESC LIMIT 1 BY account_id, subscription_id
   ) WHERE risk IS NOT NULL AND until > toUnixTimestamp64Milli({as_of:DateTime64(3, 'UTC')})`;
}

/** Accounts of subscriptions whose stored risk is an override's that ended after `after`, and by `by`. */
export async function readAccountsOfEnded(
  store: Store,
  after: Millis,
  by: Millis,
  accounts: { readonly sql: string; readonly params: QueryParams },
): Promise<readonly string[]> {
  const rows = await store.rows<{ account: string }>(
    `SELECT DISTINCT account_id AS account FROM risk_state FINAL
     WHERE (account_id, subscription_id) IN (
       SELECT account_id, subscription_id FROM risk_override_log AS o
       WHERE o.until > {after:DateTime64(3, 'UTC')} AND o.until <= {by:DateTime64(3, 'UTC')} AND ${accounts.sql}
     ) AND override_until <= {by:DateTime64(3, 'UTC')} AND NOT gone`,
    { ...accounts.params, after: dateTime64(after), by: dateTime64(by) },
    { lane: 'batch' },
  );
  return rows.map(({ account }) => account);
}

/** What a call with this key wrote, and the override that it set or took back. Undefined: there was none. */
export async function readOverrideOfRequest(
  store: Store,
  requestKey: string,
): Promise<{ readonly written: LoggedOverride; readonly override: RiskOverride } | undefined> {
  const rows = await store.rows<LoggedOverride>(
    `SELECT account_id AS accountId, subscription_id AS subscriptionId, risk, reason, author, request_key AS requestKey,
       toUnixTimestamp64Milli(set_at) AS setAt, toUnixTimestamp64Milli(o.until) AS until
     FROM (
       SELECT * FROM risk_override_log FINAL
       WHERE (account_id, subscription_id) IN (SELECT account_id, subscription_id FROM risk_override_log WHERE request_key = {key:String})
     ) AS o ORDER BY setAt`,
    { key: requestKey },
  );
  const at = rows.findIndex((row) => row.requestKey === requestKey);
  const written = rows[at];
  // What takes back is about the row before it.
  const row = written?.risk === null ? rows[at - 1] : written;
  if (written === undefined || row === undefined || row.risk === null) return undefined;
  const { requestKey: _, ...override } = row;
  return { written, override: { ...override, risk: row.risk } };
}
