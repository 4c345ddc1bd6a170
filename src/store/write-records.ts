import { chunksOf } from '../core/chunks.js';
import type { Millis } from '../core/clock.js';
import { LIMITS } from '../core/limits.js';
import {
  type Arrival,
  type Fate,
  type Retraction,
  settleVersions,
  type Version,
} from '../signals/versions.js';
import { type Arrived, insertRows } from './encoded-rows.js';
import { insertRepeats, type RepeatOf } from './load-repeats.js';
import { keyHash } from './record-hash.js';
import { type IndexedVersion, type Known, lookUp, withOtherDays } from './record-index.js';
import { encodeVersionsInTurns, type RecordTable } from './record-table.js';
import type { Store } from './store.js';
import { readVersions, type Wanted } from './stored-versions.js';

export interface WrittenRecords {
  /** What became of each record, in the order given. */
  readonly fates: readonly Fate[];
  /** Accounts that records belonged to before, beside those that arrived. */
  readonly accounts: ReadonlySet<string>;
}

/** A record as it would be stored, and its place among those that arrived. */
interface Placed<T> extends Version<T> {
  readonly place: number;
}

/** The arrivals of one record. */
interface Group<T> {
  readonly key: string;
  readonly arrivals: readonly Placed<T>[];
}

/** What arrived, by record, in the order of the first arrivals. Nearly always a record arrives once, so that needs no group. */
interface Arrivals<T> {
  readonly keys: readonly string[];
  /** The place of each key among them. */
  readonly places: ReadonlyMap<string, number>;
  readonly firsts: readonly Placed<T>[];
  /** All arrivals of those records that arrived more than once, by the record's place in `keys`. */
  readonly several: ReadonlyMap<number, readonly Placed<T>[]>;
  /** Contents that the same load corrected in the same moment, by the record's place in `keys`: they never held, so they are not kept. */
  readonly passed: ReadonlyMap<number, readonly Placed<T>[]>;
}

/**
 * Stores records of one kind and resolves once they are durable. Each is compared with what is known of it: a repeat is not
 * written (of what a load brought it is noted), a correction ends the version before. Must not run beside another call on the same store: two that bring the same
 * record would not see each other's.
 */
export async function writeRecords<T>(
  store: Store,
  of: RecordTable<T>,
  arrived: readonly Arrived<T>[],
): Promise<WrittenRecords> {
  const fates: Fate[] = arrived.map(() => 'same');
  const accounts = new Set<string>();
  if (arrived.length === 0) return { fates, accounts };
  const { keys, places, firsts, several, passed } = arrivalsOf(of, arrived);
  const found = await lookUp(store, keys, timesOf(of, firsts, several));
  const groupAt = (i: number): Group<T> => ({ key: keys[i]!, arrivals: several.get(i) ?? [firsts[i]!] });
  const known = hasDayInIdentity(of)
    ? found
    : await withOtherDays(store, found, {
        repeated: keysWhere(found, (key, versions) => isRepeat(groupAt(places.get(key)!), versions)),
        ended: keysWhere(found, (_, versions) => versions.some(({ ended }) => ended)),
      });
  const plain = known.retractions.length === 0;
  const versions: Version<T>[] = [];
  const repeats: RepeatOf[] = [];
  const unclear: Group<T>[] = [];
  // Nearly all that arrives is new, so what may be known of a record is asked for once.
  for (let i = 0; i < keys.length; i++) {
    const stored = known.versions.get(keys[i]!);
    const first = firsts[i]!;
    if (plain && stored === undefined && !several.has(i) && !passed.has(i)) {
      versions.push(first);
      fates[first.place] = 'new';
      continue;
    }
    const group = groupAt(i);
    const isKnown = isRepeat(group, stored);
    for (const { content, place } of passed.get(i) ?? [])
      if (!isKnown && content !== group.arrivals.at(-1)!.content) fates[place] = 'corrected';
    if (stored === undefined) settle(of, group, [], known, { versions, repeats, fates });
    else if (isKnown) {
      if (stored[0]!.loaded) repeats.push(...repeatsOf(group, stored[0]!));
    } else unclear.push(group);
  }
  const stored = await versionsOf(store, of, unclear, known);
  for (const group of unclear) {
    const before = stored.get(group.key) ?? [];
    for (const { value } of before) accounts.add(of.accountOf(value));
    settle(of, group, before, known, { versions, repeats, fates });
  }
  await insertRepeats(store, repeats);
  await insertVersions(store, of, versions);
  return { fates, accounts };
}

/** Writes versions, in few large inserts. */
export async function insertVersions<T>(
  store: Store,
  of: RecordTable<T>,
  versions: readonly Version<T>[],
): Promise<void> {
  for (const some of chunksOf(versions, LIMITS.insertRows))
    await insertRows(store, await encodeVersionsInTurns(of, some));
}

function arrivalsOf<T>(of: RecordTable<T>, arrived: readonly Arrived<T>[]): Arrivals<T> {
  const keys: string[] = [];
  const firsts: Placed<T>[] = [];
  const several = new Map<number, Placed<T>[]>();
  const passed = new Map<number, Placed<T>[]>();
  const places = new Map<string, number>();
  for (const [
    index,
    { value, origin, receivedAt, arrivedAt = receivedAt, load = '', content: given },
  ] of arrived.entries()) {
    const content = given ?? of.contentOf(value);
    // As a version that holds, which it is unless something else is known of the record.
    const version: Placed<T> = {
      place: index,
      value,
      content,
      origin,
      receivedAt,
      arrivedAt,
      load,
      again: 0,
      until: null,
      ended: '',
      endedBy: '',
    };
    const key = keyHash(of.identityOf(value));
    const place = places.get(key);
    if (place === undefined) {
      places.set(key, keys.length);
      keys.push(key);
      firsts.push(version);
      continue;
    }
    const more = several.get(place);
    const before = more?.at(-1) ?? firsts[place]!;
    if (load !== '' && before.load === load && before.receivedAt === receivedAt) {
      // As an export has it that names one thing in several rows: read again, it is the same again.
      passed.set(place, [...(passed.get(place) ?? []), before]);
      if (more === undefined) firsts[place] = version;
      else more[more.length - 1] = version;
    } else if (more === undefined) several.set(place, [before, version]);
    else more.push(version);
  }
  return { keys, places, firsts, several, passed };
}

function keysWhere(
  { versions }: Known,
  holds: (key: string, versions: readonly IndexedVersion[]) => boolean,
): string[] {
  return [...versions].flatMap(([key, found]) => (holds(key, found) ? [key] : []));
}

/** A subscription's state is known by its time, so no version of it speaks of another day. */
function hasDayInIdentity({ kind }: Pick<RecordTable<never>, 'kind'>): boolean {
  return kind === 'subscription';
}

/** When each record happened; where its arrivals differ, when each of them says. */
function timesOf<T>(
  of: RecordTable<T>,
  firsts: readonly Version<T>[],
  several: Arrivals<T>['several'],
): readonly Millis[] {
  const times = firsts.map(({ value }) => of.occurredAtOf(value));
  for (const versions of several.values())
    for (const { value } of versions) times.push(of.occurredAtOf(value));
  return times;
}

/** Whether nothing is said but what is known, and known at least as long. */
function isRepeat<T>({ arrivals }: Group<T>, stored: readonly IndexedVersion[] = []): boolean {
  const [only, ...others] = stored;
  if (only === undefined || others.length > 0 || only.ended) return false;
  return arrivals.every(
    ({ content, receivedAt }) => content === only.content && receivedAt >= only.receivedAt,
  );
}

/** One for each load: which of its arrivals came first makes no difference. */
function repeatsOf<T>({ key, arrivals }: Group<T>, { content, again }: IndexedVersion): RepeatOf[] {
  const byLoad = new Map<string, RepeatOf>();
  for (const { load, arrivedAt } of arrivals)
    if (!byLoad.has(load)) byLoad.set(load, { key, content, again, load, arrivedAt });
  return [...byLoad.values()];
}

/** What a batch comes to. */
interface Settling<T> {
  readonly versions: Version<T>[];
  readonly repeats: RepeatOf[];
  readonly fates: Fate[];
}

function settle<T>(
  of: RecordTable<T>,
  { key, arrivals }: Group<T>,
  stored: readonly Version<T>[],
  { retractions }: Known,
  { versions, repeats, fates }: Settling<T>,
): void {
  const [only] = arrivals;
  const standing = retractions.length === 0 ? [] : retractionsOf(of, key, arrivals, retractions);
  if (stored.length === 0 && standing.length === 0 && arrivals.length === 1) {
    versions.push({ ...only!, again: 0, until: null, ended: '', endedBy: '' });
    fates[only!.place] = 'new';
    return;
  }
  const { changed, fates: settled, repeats: repeated } = settleVersions(stored, arrivals, standing);
  for (const version of changed) versions.push(version);
  for (const repeat of repeated) repeats.push({ key, ...repeat });
  for (const [i, fate] of settled.entries()) fates[arrivals[i]!.place] = fate;
}

/** The retractions that may concern the record. Those of a source or an account name what had arrived by then. */
function retractionsOf<T>(
  of: RecordTable<T>,
  key: string,
  arrivals: readonly Arrival<T>[],
  retractions: Known['retractions'],
): Retraction[] {
  return retractions.filter(
    (one) =>
      one.key === key ||
      (one.key === '' &&
        arrivals.some(
          ({ value, arrivedAt }) =>
            arrivedAt <= one.at &&
            (one.source === '' || one.source === of.sourceOf(value)) &&
            (one.accountId === '' || one.accountId === of.accountOf(value)),
        )),
  );
}

/** The whole versions of records of which the index knows some. */
async function versionsOf<T>(
  store: Store,
  of: RecordTable<T>,
  groups: readonly Group<T>[],
  known: Known,
): Promise<ReadonlyMap<string, readonly Version<T>[]>> {
  const wanted =
    (anywhere: boolean) =>
    (group: Group<T>): Wanted => ({
      key: group.key,
      days: (known.versions.get(group.key) ?? []).map(({ day }) => day),
      accounts: anywhere ? [] : group.arrivals.map(({ value }) => of.accountOf(value)),
    });
  const found = new Map(await readVersions(store, of, groups.map(wanted(false))));
  const missing = groups.filter(
    ({ key }) => (found.get(key)?.length ?? 0) < (known.versions.get(key)?.length ?? 0),
  );
  if (missing.length === 0) return found;
  // They are under another account.
  for (const [key, versions] of await readVersions(store, of, missing.map(wanted(true))))
    found.set(key, versions);
  return found;
}
