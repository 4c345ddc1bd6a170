import { settleVersions, type Version } from '../signals/versions.js';
import { deriveAgain } from './derive-again.js';
import { insertRepeats, type RepeatOf } from './load-repeats.js';
import { OUTCOMES } from './outcome-log.js';
import { type StandingRetraction, standingRetractions } from './record-index.js';
import { KEY_HEX } from './record-keys.js';
import type { RecordTable } from './record-table.js';
import { SIGNALS } from './signal-log.js';
import type { QueryParams, Store } from './store.js';
import { readVersions } from './stored-versions.js';
import { SUBSCRIPTIONS } from './subscription-log.js';
import { insertVersions } from './write-records.js';

/** How many records at a time. */
interface Sizes {
  /** That the engine groups. */
  readonly grouped: number;
  /** That are settled: their versions are held in memory. */
  readonly held: number;
}

const SIZES: Sizes = { grouped: 1_000_000, held: 20_000 };

export interface SettledRecords {
  /** Records of which more than one version had held. */
  readonly corrected: Readonly<Record<RecordTable<unknown>['kind'], number>>;
  /** Accounts that they belong or belonged to. */
  readonly accounts: ReadonlySet<string>;
}

/** An insert that began before a look may have ended after it: so much is looked at again. */
const OVERLAP_S = 60;

/**
 * Finds records of which several versions hold, and ends all but the latest arrival: those that came again with a time on another
 * day, and those that two processes wrote at once. Makes good, too, what views did not hear of when an insert was cut off. Begins with
 * what was stored since everything was settled the last time, by whichever process. Looks through the whole index, so it is for now and
 * then rather than for each batch. Must not run beside a writer of the same process.
 */
export async function settleRecords(store: Store, sizes: Sizes = SIZES): Promise<SettledRecords> {
  const corrected = { signal: 0, subscription: 0, outcome: 0 };
  const accounts = new Set<string>();
  await forgetTimesToCome(store);
  const [lately] = await store.rows<{ since: string; until: string; rows: number }>(
    `WITH (SELECT max(settled_until) FROM settlement_log) AS settled
     SELECT toString(settled) AS since, toString(now64(6, 'UTC') - toIntervalSecond({overlap:UInt32})) AS until, count() AS rows
     FROM record_index WHERE stored_at >= settled`,
    { overlap: OVERLAP_S },
  );
  const { since, until, rows } = lately!;
  if (rows === 0) return { corrected, accounts };
  await deriveAgain(store, since);
  for await (const params of partsOf(store, since, Math.ceil(rows / sizes.grouped), sizes.held)) {
    const candidates = await store.rows<{ hex: string; days: string[] }>(
      `SELECT ${KEY_HEX('key')} AS hex, days FROM (${CANDIDATES})`,
      params,
      { lane: 'write' },
    );
    const retractions = await standingRetractions(
      store,
      candidates.map(({ hex }) => hex),
    );
    corrected.signal += await settleTable(store, SIGNALS, candidates, retractions, accounts);
    corrected.subscription += await settleTable(store, SUBSCRIPTIONS, candidates, retractions, accounts);
    corrected.outcome += await settleTable(store, OUTCOMES, candidates, retractions, accounts);
  }
  await store.command("INSERT INTO settlement_log SELECT {until:DateTime64(6, 'UTC')}", { until });
  return { corrected, accounts };
}

/**
 * Where the store's clock was set back, what is stored now is older than what counts as settled, and would never be settled. What was stored
 * between then and now is looked at again: settling comes far more often than once in so long.
 */
async function forgetTimesToCome(store: Store): Promise<void> {
  const [ahead] = await store.rows<{ again: string }>(
    `SELECT toString(now64(6, 'UTC') - toIntervalHour(1)) AS again
     FROM settlement_log GROUP BY () HAVING max(settled_until) > now64(6, 'UTC')`,
  );
  if (ahead === undefined) return;
  await store.command('TRUNCATE TABLE settlement_log', {}, { settings: { max_table_size_to_drop: 0 } });
  await store.command("INSERT INTO settlement_log SELECT {again:DateTime64(6, 'UTC')}", ahead);
}

/** A share of the keys, by what they leave when they are divided. */
interface Part extends QueryParams {
  readonly since: string;
  readonly parts: number;
  readonly part: number;
}

/** The keys in parts, so that neither the engine nor this process holds more of them than it should. */
async function* partsOf(store: Store, since: string, slices: number, held: number): AsyncGenerator<Part> {
  for (let slice = 0; slice < slices; slice++) {
    const [found] = await store.rows<{ keys: number }>(
      `SELECT count() AS keys FROM (${CANDIDATES})`,
      { since, parts: slices, part: slice },
      { lane: 'write' },
    );
    const shares = Math.ceil((found?.keys ?? 0) / held);
    for (let share = 0; share < shares; share++)
      yield { since, parts: slices * shares, part: slice + slices * share };
  }
}

/**
 * Keys under which several versions hold, or one holds and others spoke of other days. Nearly all keys have one row, and are left
 * out before anything larger than a number is kept of each.
 */
const CANDIDATES = `SELECT key, groupUniqArray(toString(day)) AS days
  FROM (
    SELECT key, day, content, again, max(ended) AS over
    FROM record_index
    WHERE key IN (
      SELECT key FROM record_index
      WHERE key % {parts:UInt32} = {part:UInt32} AND key IN (
        SELECT key FROM record_index WHERE stored_at >= {since:DateTime64(6, 'UTC')} AND key % {parts:UInt32} = {part:UInt32}
      )
      GROUP BY key
      HAVING count() > 1
    )
    GROUP BY key, day, content, again
  )
  GROUP BY key
  HAVING countIf(over = 0) > 1 OR (countIf(over = 0) = 1 AND uniqExact(day) > 1)`;

async function settleTable<T>(
  store: Store,
  of: RecordTable<T>,
  candidates: readonly { readonly hex: string; readonly days: readonly string[] }[],
  retractions: readonly StandingRetraction[],
  accounts: Set<string>,
): Promise<number> {
  const wanted = candidates.map(({ hex, days }) => ({ key: hex, days, accounts: [] }));
  const changes: Version<T>[] = [];
  const repeated: RepeatOf[] = [];
  let corrected = 0;
  for (const [key, versions] of await readVersions(store, of, wanted)) {
    const { changed, repeats } = settleVersions(
      versions,
      [],
      retractions.filter((one) => one.key === key),
    );
    if (changed.length === 0) continue;
    corrected++;
    for (const version of changed) changes.push(version);
    for (const repeat of repeats) repeated.push({ key, ...repeat });
    for (const { value } of versions) accounts.add(of.accountOf(value));
  }
  await insertRepeats(store, repeated);
  await insertVersions(store, of, changes);
  return corrected;
}
