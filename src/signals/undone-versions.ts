import type { Millis } from '../core/clock.js';
import { type Repeat, timelineOf, UNDOING, type Version } from './versions.js';

/** What is stored of one record. */
export interface StoredRecord<T> {
  readonly versions: readonly Version<T>[];
  readonly repeats: readonly Repeat[];
}

export interface Undone<T> {
  /** Versions that are new, or differ from what is stored. */
  readonly changed: readonly Version<T>[];
  /** What held is gone. */
  readonly removed: boolean;
  /** What had held before holds again. */
  readonly restored: boolean;
  /** What held still does, since it came from elsewhere too. */
  readonly kept: boolean;
}

/**
 * What becomes of a record when a load is undone: from now on it is as if the loads of `without`, this one among them, had not been.
 * What held in between stays known as it was.
 */
export function undoneVersions<T>(
  { versions, repeats }: StoredRecord<T>,
  id: string,
  without: ReadonlySet<string>,
  now: Millis,
): Undone<T> {
  const held = versions.find(({ until }) => until === null);
  const wanted = heldWithout(versions, without, repeats);
  if (held !== undefined && held.content === wanted?.content) {
    const kept = without.has(held.load);
    return {
      changed: kept ? [{ ...held, load: wanted.load }] : [],
      ...{ removed: false, restored: false, kept },
    };
  }
  const changed: Version<T>[] = [];
  const at = Math.max(now, ...versions.map(({ receivedAt, until }) => (until ?? receivedAt) + 1));
  if (held !== undefined)
    changed.push({ ...held, until: at, ended: 'withdrawn', endedBy: `${UNDOING}${id}` });
  if (wanted !== undefined) {
    // After the end: what arrives in its very millisecond counts as having arrived before.
    const from = held === undefined ? at : at + 1;
    const holds = { until: null, ended: '', endedBy: '' } as const;
    changed.push({ ...wanted, again: from, receivedAt: from, arrivedAt: from, ...holds });
  }
  return { changed, removed: held !== undefined, restored: wanted !== undefined, kept: false };
}

/**
 * The version that holds when some loads count for nothing: neither what they brought nor what they took out. Undefined: none does.
 * What came from elsewhere too counts as having come from there. What was retracted stays out. What was ended by an undoing before
 * follows from the loads that are undone now.
 */
function heldWithout<T>(
  stored: readonly Version<T>[],
  loads: ReadonlySet<string>,
  repeats: readonly Repeat[],
): Version<T> | undefined {
  const events = timelineOf(
    stored.map((version) => fromElsewhere(version, loads, repeats)),
    [],
    [],
  );
  let held: Version<T> | undefined;
  for (const event of events) {
    if (event.kind === 'arrival') {
      if (!loads.has(event.arrival.load)) held = event.known;
    } else if (event.ended === 'retracted') held = undefined;
    else if (!loads.has(event.load) && !loads.has(event.by) && !event.by.startsWith(UNDOING))
      held = undefined;
  }
  return held;
}

/** A version that one of these loads brought, as another arrival of its contents would have made it; where there is none, as it is. */
function fromElsewhere<T>(
  version: Version<T>,
  loads: ReadonlySet<string>,
  repeats: readonly Repeat[],
): Version<T> {
  if (!loads.has(version.load)) return version;
  const repeat = repeats.find(
    ({ content, again, load }) => content === version.content && again === version.again && !loads.has(load),
  );
  if (repeat === undefined) return version;
  return { ...version, load: repeat.load, arrivedAt: Math.max(version.arrivedAt, repeat.arrivedAt) };
}
