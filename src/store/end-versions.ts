import type { Millis } from '../core/clock.js';
import { dateTime64 } from '../core/sql-time.js';
import type { Ending } from '../signals/versions.js';
import { columnNames, type RecordTable } from './record-table.js';
import type { QueryParams, Store } from './store.js';

/** Ends every version that holds and for which a condition does, from now on: the rows are written again with their end. */
export async function endVersions(
  store: Store,
  of: RecordTable<never>,
  where: string,
  params: QueryParams,
  { ended, by, now }: { readonly ended: Ending; readonly by: string; readonly now: Millis },
): Promise<void> {
  const columns = columnNames(of);
  const changed: Readonly<Record<string, string>> = {
    // Never before what it ends, also where the clock of a broker is ahead.
    _until:
      "greatest({end_at:DateTime64(3, 'UTC')}, received_at, received_at + toIntervalMillisecond(_late))",
    _ended: '{end_kind:String}',
    _ended_by: '{end_by:String}',
  };
  await store.command(
    `INSERT INTO ${of.table} (${columns.join(', ')})
     SELECT ${columns.map((name) => changed[name] ?? name).join(', ')} FROM ${of.table} FINAL WHERE ${where} AND _ended = ''`,
    { ...params, end_at: dateTime64(now), end_kind: ended, end_by: by },
    { settings: INSERT_SELECT },
  );
}

/**
 * Makes versions for which a condition holds hold again, from now on, where nothing of their record holds. Of several of one record
 * the last. Resolves to the accounts and how many of each.
 */
export async function bringBack(
  store: Store,
  of: RecordTable<never>,
  where: string,
  params: QueryParams,
  now: Millis,
): Promise<readonly { account: string; records: number }[]> {
  const columns = columnNames(of);
  // After the end, or it would have arrived before it.
  const again = "greatest({again_at:DateTime64(3, 'UTC')}, c._until + toIntervalMillisecond(1))";
  const changed: Readonly<Record<string, string>> = {
    _again: again,
    received_at: again,
    _until: "toDateTime64('2299-12-31 00:00:00', 3, 'UTC')",
    _ended: "''",
    _ended_by: "''",
    _late: '0',
  };
  const chosen = `SELECT ${columns.join(', ')} FROM ${of.table} FINAL
    WHERE ${where} AND ${of.keySql} NOT IN (SELECT ${of.keySql} FROM ${of.table} FINAL WHERE _ended = '')
    ORDER BY _until DESC, received_at DESC LIMIT 1 BY ${of.keySql}`;
  const all = { ...params, again_at: dateTime64(now) };
  const accounts = await store.rows<{ account: string; records: number }>(
    `SELECT account_id AS account, count() AS records FROM (${chosen}) GROUP BY account_id`,
    all,
    { lane: 'write' },
  );
  if (accounts.length > 0) {
    await store.command(
      `INSERT INTO ${of.table} (${columns.join(', ')})
       SELECT ${columns.map((name) => (changed[name] === undefined ? `c.${name}` : changed[name])).join(', ')} FROM (${chosen}) AS c`,
      all,
      { settings: INSERT_SELECT },
    );
  }
  return accounts;
}

const INSERT_SELECT = { max_partitions_per_insert_block: '0', optimize_on_insert: 0 } as const;
