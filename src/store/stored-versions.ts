import { chunksOf } from '../core/chunks.js';
import type { StoredRecord } from '../signals/undone-versions.js';
import type { Repeat, Version } from '../signals/versions.js';
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
  for (const part of chunksOf(wanted, step)) {
    const accounts = anywhere ? [] : [...new Set(part.flatMap((one) => one.accounts))];
    const rows = await store.rows<Found>(
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
    addAll(found, of, rows);
  }
  return found;
}

type Found = VersionRow & { readonly recordKey: string };

function addAll<T>(found: Map<string, Version<T>[]>, of: RecordTable<T>, rows: readonly Found[]): void {
  for (const { recordKey, ...row } of rows) {
    const version = versionOf(of, row);
    const known = found.get(recordKey);
    if (known === undefined) found.set(recordKey, [version]);
    else known.push(version);
  }
}

/** Records of which a load brought or ended a version, or brought contents that were there already. */
function keysOfLoad<T>(of: RecordTable<T>): string {
  return `SELECT ${of.keySql} AS key FROM ${of.table} WHERE _load = {load:String} OR _ended_by = {load:String}
    UNION DISTINCT SELECT key FROM load_repeats WHERE load = {load:String} AND key IN (SELECT ${of.keySql} FROM ${of.table})`;
}

/** How many records those are. */
export async function countOfLoad<T>(store: Store, of: RecordTable<T>, load: string): Promise<number> {
  const [row] = await store.rows<{ n: number }>(
    `SELECT uniqExact(key) AS n FROM (${keysOfLoad(of)})`,
    { load },
    { lane: 'batch' },
  );
  return row!.n;
}

/** Everything of a share of the records of a load, by key. */
export async function readRecordsOfLoad<T>(
  store: Store,
  of: RecordTable<T>,
  load: string,
  part: number,
  parts: number,
): Promise<ReadonlyMap<string, StoredRecord<T>>> {
  const keys = `SELECT key FROM (${keysOfLoad(of)}) WHERE key % {parts:UInt32} = {part:UInt32}`;
  const params = { load, part, parts };
  const versions = new Map<string, Version<T>[]>();
  const rows = await store.rows<Found>(
    `SELECT ${KEY_HEX(of.keySql)} AS recordKey, ${of.select}, ${VERSION_SELECT} FROM ${of.table} FINAL WHERE ${of.keySql} IN (${keys})`,
    params,
    { lane: 'write' },
  );
  addAll(versions, of, rows);
  const found = new Map<string, StoredRecord<T> & { readonly repeats: Repeat[] }>();
  for (const [key, all] of versions) found.set(key, { versions: all, repeats: [] });
  const repeats = await store.rows<Repeat & { readonly recordKey: string }>(
    `SELECT ${KEY_HEX('key')} AS recordKey, content, toUnixTimestamp64Milli(again) AS again, load,
       toUnixTimestamp64Milli(arrived_at) AS arrivedAt
     FROM load_repeats WHERE key IN (${keys})`,
    params,
    { lane: 'write' },
  );
  for (const { recordKey, ...repeat } of repeats) found.get(recordKey)?.repeats.push(repeat);
  return found;
}
