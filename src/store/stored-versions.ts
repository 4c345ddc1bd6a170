import type { Version } from '../signals/versions.js';
import { KEY_HEX, KEYS_SQL, keysParams } from './record-keys.js';
import { type RecordTable, VERSION_SELECT, type VersionRow, versionOf } from './record-table.js';
import type { Store } from './store.js';

/** Records of one query, with the accounts that go with it as text, and without. */
const RECORDS = 2_000;
const RECORDS_ANYWHERE = 10_000;

/** A record whose versions are wanted: where they may be. */
export interface Wanted {
  readonly key: string;
  /** Days that versions of it speak of, as YYYY-MM-DD. */
  readonly days: readonly string[];
  /** Accounts that versions of it may speak of; empty: any. */
  readonly accounts: readonly string[];
}

/**
 * Every version of these records that speaks of one of their days and accounts, by key. Without accounts whole days are read:
 * only where a record has moved from one account to another.
 */
export async function readVersions<T>(
  store: Store,
  of: RecordTable<T>,
  wanted: readonly Wanted[],
): Promise<ReadonlyMap<string, readonly Version<T>[]>> {
  const found = new Map<string, Version<T>[]>();
  const anywhere = wanted.some(({ accounts }) => accounts.length === 0);
  const step = anywhere ? RECORDS_ANYWHERE : RECORDS;
  for (let from = 0; from < wanted.length; from += step) {
    const part = wanted.slice(from, from + step);
    const accounts = anywhere ? [] : [...new Set(part.flatMap((one) => one.accounts))];
    const rows = await store.rows<VersionRow & { readonly recordKey: string }>(
      `SELECT ${KEY_HEX(of.keySql)} AS recordKey, ${of.select}, ${VERSION_SELECT}
       FROM ${of.table} FINAL
       WHERE ${anywhere ? '1' : 'account_id IN {accounts:Array(String)}'}
         AND toDate(occurred_at) IN (SELECT toDate(arrayJoin({days:Array(String)})))
         AND ${of.keySql} IN (${KEYS_SQL})`,
      {
        accounts,
        days: [...new Set(part.flatMap(({ days }) => days))],
        ...keysParams(part.map(({ key }) => key)),
      },
      { lane: 'write' },
    );
    for (const { recordKey, ...row } of rows) {
      const version = versionOf(of, row);
      const known = found.get(recordKey);
      if (known === undefined) found.set(recordKey, [version]);
      else known.push(version);
    }
  }
  return found;
}
