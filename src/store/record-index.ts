import { chunksOf } from '../core/chunks.js';
import { DAY_MS, type Millis } from '../core/clock.js';
import { LIMITS } from '../core/limits.js';
import type { Origin } from '../signals/signal.js';
import { KEY_HEX, KEYS_SQL, keysParams, keysSql } from './record-keys.js';
import type { Store } from './store.js';

/** What the index knows of one version of a record. */
export interface IndexedVersion {
  /** Hash of the identity, 16 hex digits. */
  readonly key: string;
  readonly content: number;
  readonly again: Millis;
  readonly receivedAt: Millis;
  readonly ended: boolean;
  /** A load brought it. */
  readonly loaded: boolean;
  readonly day: string;
}

export interface StandingRetraction {
  readonly id: string;
  /** Hash of the one record's identity; empty: all of source and account. */
  readonly key: string;
  readonly source: string;
  readonly accountId: string;
  readonly at: Millis;
  /** Of the message that it is; undefined: a person retracted. */
  readonly origin: Origin | undefined;
}

/** What is known of some records. */
export interface Known {
  /** The versions on the days asked for, by key. */
  readonly versions: ReadonlyMap<string, readonly IndexedVersion[]>;
  readonly retractions: readonly StandingRetraction[];
}

/** Keys of one query: they go with it as text. A batch in one query: each looks through all records of its days. */
const KEYS = LIMITS.insertRows;

/**
 * What the store knows of records: of those that speak of the same days, in which repeats and nearly all corrections are found.
 * A record that comes again with a time on another day is found by `settleRecords`, later: looking through all days would cost as
 * much as storing. `times` are those that the records speak of.
 */
export async function lookUp(
  store: Store,
  keys: readonly string[],
  times: readonly Millis[],
): Promise<Known> {
  const versions = new Map<string, IndexedVersion[]>();
  const retractions = new Map<string, StandingRetraction>();
  const days = [...new Set(times.map((time) => Math.floor(time / DAY_MS)))];
  for (const asked of chunksOf(keys, KEYS)) {
    const some = keysParams(asked);
    let retracted = 0;
    for (const row of await store.rows<IndexRow>(lookUpSql(asked), { ...some, days }, { lane: 'write' })) {
      if (row.key === '') retracted = row.retractions;
      else add(versions, row);
    }
    if (retracted === 0) continue;
    for (const row of await store.rows<RetractionRow>(RETRACTIONS, some, { lane: 'write' }))
      retractions.set(row.id, retractionOf(row));
  }
  return { versions, retractions: [...retractions.values()] };
}

/**
 * The same, with versions that speak of other days, of the records for which they matter:
 * - `repeated` contents hold on their own day, and are no repeat where others came in between: those that were stored lately and
 *   are not settled yet.
 * - Of the `ended` ones a version has ended: what ended it may speak of any day.
 */
export async function withOtherDays(
  store: Store,
  known: Known,
  { repeated, ended }: { readonly repeated: readonly string[]; readonly ended: readonly string[] },
): Promise<Known> {
  if (repeated.length === 0 && ended.length === 0) return known;
  const versions = new Map([...known.versions].map(([key, found]) => [key, [...found]]));
  for (const [sql, keys] of [
    [UNSETTLED, repeated],
    [ON_ANY_DAY, ended],
  ] as const) {
    for (const some of chunksOf(keys, KEYS)) {
      const params = keysParams(some);
      for (const row of await store.rows<IndexRow>(sql, params, { lane: 'write' })) add(versions, row);
    }
  }
  return { ...known, versions };
}

/** The days that any version of these records speaks of, by key. Looks through the whole index. */
export async function daysOf(
  store: Store,
  keys: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const rows = await store.rows<{ hex: string; days: string[] }>(
    `SELECT ${KEY_HEX('key')} AS hex, groupUniqArray(toString(day)) AS days FROM record_index WHERE key IN (${KEYS_SQL}) GROUP BY key`,
    keysParams(keys),
    { lane: 'write' },
  );
  return new Map(rows.map(({ hex, days }) => [hex, days]));
}

/** The retractions of these records that were not taken back. */
export async function standingRetractions(
  store: Store,
  keys: readonly string[],
): Promise<readonly StandingRetraction[]> {
  if (keys.length === 0) return [];
  const rows = await store.rows<RetractionRow>(
    `SELECT * FROM (${RETRACTIONS}) WHERE key != ''`,
    keysParams(keys),
    { lane: 'write' },
  );
  return rows.map(retractionOf);
}

/** A version that is known; or, with an empty key, how many retractions there are. */
interface IndexRow {
  readonly key: string;
  readonly content: number;
  readonly again: Millis;
  readonly received: Millis;
  readonly over: number;
  readonly of_load: number;
  readonly date: string;
  readonly retractions: number;
}

interface RetractionRow {
  readonly id: string;
  readonly key: string;
  readonly source: string;
  readonly account: string;
  readonly at: Millis;
  readonly topic: string;
  readonly part: number;
  readonly place: number;
}

const RETRACTIONS = `SELECT retraction_id AS id, if(retraction_log.key = 0, '', ${KEY_HEX('retraction_log.key')}) AS key,
    retraction_log.source AS source, account_id AS account, toUnixTimestamp64Milli(retracted_at) AS at,
    _topic AS topic, _partition AS part, _offset AS place
  FROM retraction_log FINAL
  WHERE (retraction_log.key = 0 OR retraction_log.key IN (${KEYS_SQL})) AND undone_at IS NULL`;

/** The versions of the records of `keysParams` for which a condition holds; `keys`: how they are named. */
const versionsWhere = (condition: string, keys = KEYS_SQL) =>
  `SELECT ${KEY_HEX('record_index.key')} AS key, content, toUnixTimestamp64Milli(again) AS again, toUnixTimestamp64Milli(received_at) AS received,
    ended AS over, loaded AS of_load, toString(day) AS date, 0 AS retractions
  FROM record_index WHERE ${condition} AND record_index.key IN (${keys})`;

/** Mostly nothing was ever retracted: that their number comes along spares the engine a second set of all the keys. */
const lookUpSql = (
  keys: readonly string[],
) => `${versionsWhere('day IN (SELECT toDate(arrayJoin({days:Array(UInt32)})))', keysSql(keys))}
  UNION ALL SELECT '', 0, 0, 0, 0, 0, '', count() FROM retraction_log`;

const UNSETTLED = versionsWhere('stored_at >= (SELECT max(settled_until) FROM settlement_log)');

const ON_ANY_DAY = versionsWhere('1');

function add(versions: Map<string, IndexedVersion[]>, row: IndexRow): void {
  const { key, content, again, received: receivedAt, over, of_load: ofLoad, date: day } = row;
  const version = { key, content, again, receivedAt, ended: over === 1, loaded: ofLoad === 1, day };
  const known = versions.get(key);
  if (known === undefined) {
    versions.set(key, [version]);
    return;
  }
  // A version may stand there several times until the engine has merged its rows.
  const same = known.findIndex((one) => one.content === content && one.again === again);
  if (same < 0) known.push(version);
  else {
    const other = known[same]!;
    const kept = version.ended || (!other.ended && receivedAt < other.receivedAt) ? version : other;
    known[same] = { ...kept, loaded: version.loaded || other.loaded };
  }
}

function retractionOf(row: RetractionRow): StandingRetraction {
  const { id, key, source, account: accountId, at, topic, part: partition, place: offset } = row;
  const origin = topic === '' ? undefined : { topic, partition, offset };
  return { id, key, source, accountId, at, origin };
}
