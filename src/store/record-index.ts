import { DAY_MS, type Millis } from '../core/clock.js';
import type { Store } from './store.js';

/** What the index knows of one version of a record. */
export interface IndexedVersion {
  /** Hash of the identity, 16 hex digits. */
  readonly key: string;
  readonly content: number;
  readonly again: Millis;
  readonly receivedAt: Millis;
  readonly ended: boolean;
  readonly day: string;
}

export interface StandingRetraction {
  readonly id: string;
  /** Hash of the one record's identity; empty: all of source and account. */
  readonly key: string;
  readonly source: string;
  readonly accountId: string;
  readonly at: Millis;
}

/** What is known of some records. */
export interface Known {
  /** The versions on the days asked for, by key. */
  readonly versions: ReadonlyMap<string, readonly IndexedVersion[]>;
  readonly retractions: readonly StandingRetraction[];
}

/** Keys of one query: they go with it as text. */
const KEYS = 10_000;

/** Text of a column with a hash, as `keyHash` writes it. */
export const KEY_HEX = (column: string): string => `leftPad(lower(hex(${column})), 16, '0')`;

/** The keys of the parameter `keys`, in which they stand without anything between them. */
const KEYS_SQL = `SELECT reinterpretAsUInt64(reverse(unhex(substring({keys:String}, number * 16 + 1, 16))))
  FROM numbers({count:UInt32})`;

/**
 * What the store knows of records: of those that speak of the same days, in which repeats and nearly all corrections are found.
 * A record that comes again with a time on another day is found by `settleRecords`, later: looking through all days would cost as
 * much as storing.
 */
export async function lookUp(
  store: Store,
  records: Iterable<readonly [key: string, occurredAt: Millis]>,
): Promise<Known> {
  const versions = new Map<string, IndexedVersion[]>();
  const retractions = new Map<string, StandingRetraction>();
  const all = [...records];
  for (let from = 0; from < all.length; from += KEYS) {
    const part = all.slice(from, from + KEYS);
    const days = [...new Set(part.map(([, time]) => Math.floor(time / DAY_MS)))];
    const params = { keys: part.map(([key]) => key).join(''), count: part.length, days };
    const rows = await store.rows<IndexRow>(LOOK_UP, params, { lane: 'write' });
    for (const row of rows) {
      if (row.retraction !== '') retractions.set(row.retraction, retractionOf(row));
      else add(versions, row);
    }
  }
  return { versions, retractions: [...retractions.values()] };
}

interface IndexRow {
  readonly key: string;
  readonly content: number;
  readonly again: Millis;
  readonly received: Millis;
  readonly over: number;
  readonly date: string;
  readonly retraction: string;
  readonly source: string;
  readonly account: string;
}

const LOOK_UP = `SELECT ${KEY_HEX('record_index.key')} AS key, content, toUnixTimestamp64Milli(again) AS again, toUnixTimestamp64Milli(received_at) AS received,
    ended AS over, toString(day) AS date, '' AS retraction, '' AS source, '' AS account
  FROM record_index WHERE day IN (SELECT toDate(arrayJoin({days:Array(UInt32)}))) AND record_index.key IN (${KEYS_SQL})
  UNION ALL
  SELECT if(retraction_log.key = 0, '', ${KEY_HEX('retraction_log.key')}), 0, 0, toUnixTimestamp64Milli(retracted_at), 0, '', retraction_id,
    retraction_log.source, account_id
  FROM retraction_log FINAL
  WHERE (retraction_log.key = 0 OR retraction_log.key IN (${KEYS_SQL})) AND undone_at IS NULL`;

function add(versions: Map<string, IndexedVersion[]>, row: IndexRow): void {
  const { key, content, again, received: receivedAt, over, date: day } = row;
  const version = { key, content, again, receivedAt, ended: over === 1, day };
  const known = versions.get(key);
  if (known === undefined) {
    versions.set(key, [version]);
    return;
  }
  // A version may stand there several times until the engine has merged its rows.
  const same = known.findIndex((one) => one.content === content && one.again === again);
  if (same < 0) known.push(version);
  else if (version.ended || (!known[same]!.ended && receivedAt < known[same]!.receivedAt))
    known[same] = version;
}

function retractionOf({ key, source, account, received, retraction }: IndexRow): StandingRetraction {
  return { id: retraction, key, source, accountId: account, at: received };
}
