import type { Millis } from '../core/clock.js';
import type { Origin } from './signal.js';

/**
 * A record (a signal, a subscription's state, an outcome) is known by its identity and may arrive many times. Of two arrivals
 * with equal contents the first is kept: the other is a repeat. Of two with different contents the later one holds: it corrects
 * the other. This file says which contents held when, and nothing else does.
 *
 *   arrivals by time:   A at 1    A at 2    B at 3    retracted at 5    A at 6    C at 8
 *   versions:           A [1, 3)  (repeat)  B [3, 5)                    (out)     C [8, …)
 *
 * - What was retracted stays out, however often equal contents arrive again; other contents that arrive later come in.
 * - What was withdrawn (its load was undone or replaced) comes in again when it arrives again.
 * - A repeat makes no version: contents that arrive between it and the first, but are read after both, hold from then on. Of what
 *   a load brought it is noted who else said so, since undoing the load must not take that out.
 * - The order is that of arrival, not of reading: within a partition of Kafka by offset, else by time, else as handed over.
 */
export interface Arrival<T> {
  readonly value: T;
  /** Hash of the contents: equal for equal contents. */
  readonly content: number;
  readonly origin: Origin;
  /** From when on it is known: what a question about the past goes by. */
  readonly receivedAt: Millis;
  /** When it arrived. Later than `receivedAt` where an import counts records as received when they occurred. */
  readonly arrivedAt: Millis;
  /** The load that brought it; empty: none. */
  readonly load: string;
}

export type Ending = 'corrected' | 'retracted' | 'withdrawn';

/** Contents that held from `receivedAt` until `until`. */
export interface Version<T> extends Arrival<T> {
  /** When contents that were there before came back: it tells apart versions of equal contents. 0: the first time. */
  readonly again: Millis;
  /** Null: it holds. */
  readonly until: Millis | null;
  readonly ended: Ending | '';
  /** The load or retraction that ended it. Empty: a record that came by itself, or it holds. */
  readonly endedBy: string;
}

/** The record, or everything like it, was to be left out from a time on. */
export interface Retraction {
  readonly id: string;
  readonly at: Millis;
  /** Where it came from, if as a message: within a partition it concerns what stands before it. */
  readonly origin?: Origin | undefined;
}

/** The contents of a version that a load brought have come from elsewhere, too. */
export interface Repeat {
  readonly content: number;
  /** `again` of the version. */
  readonly again: Millis;
  /** The load that brought them; empty: none. */
  readonly load: string;
  readonly arrivedAt: Millis;
}

/** How `endedBy` begins where a load was undone, before its id. */
export const UNDOING = 'undo:';

/** What became of an arrival. `retracted`: it was left out. */
export type Fate = 'new' | 'same' | 'corrected' | 'retracted';

export interface Settled<T> {
  /** Versions that are new, or differ from what is stored. */
  readonly changed: readonly Version<T>[];
  readonly repeats: readonly Repeat[];
  /** One for each arrival, in the order given. */
  readonly fates: readonly Fate[];
}

/** The versions of one record, from those that are stored and what has arrived since. */
export function settleVersions<T>(
  stored: readonly Version<T>[],
  arrivals: readonly Arrival<T>[],
  retractions: readonly Retraction[] = [],
): Settled<T> {
  const runs: Run<T>[] = [];
  const fates: Fate[] = arrivals.map(() => 'same');
  /** The run that each arrival is part of. */
  const parts: (Run<T> | undefined)[] = arrivals.map(() => undefined);
  let current: Run<T> | undefined;
  let out: ReadonlySet<number> = new Set();
  for (const event of timelineOf(stored, arrivals, retractions)) {
    if (event.kind === 'end') {
      const ended = current;
      if (current !== undefined) endRun(current, event.at, event.ended, event.by);
      current = undefined;
      if (event.ended === 'retracted') out = new Set(runs.map(({ first }) => first.content));
      // Without a load that was undone, what was out before it is out again.
      else out = event.by.startsWith(UNDOING) ? (ended?.outBefore ?? out) : new Set();
      continue;
    }
    const { arrival, known } = event;
    if (current?.first.content === arrival.content) {
      current.others.push({ load: arrival.load, arrivedAt: event.at });
      if (known === undefined) {
        parts[event.index] = current;
        continue;
      }
      current.stored.push(known);
      // What is known began earlier than was known: nothing was corrected.
      if (current.index >= 0) fates[current.index] = 'same';
      continue;
    }
    if (current === undefined && known === undefined && out.has(arrival.content)) {
      fates[event.index] = 'retracted';
      continue;
    }
    if (known === undefined) {
      const afterNothing = current === undefined && out.size === 0;
      fates[event.index] = afterNothing ? 'new' : 'corrected';
    }
    const before = runs.at(-1);
    const from = Math.max(arrival.receivedAt, before?.from ?? arrival.receivedAt);
    if (current !== undefined) endRun(current, from, 'corrected', arrival.load);
    current = {
      first: arrival,
      at: event.at,
      index: event.index,
      from,
      until: null,
      ended: '',
      endedBy: '',
      stored: known === undefined ? [] : [known],
      others: [],
      outBefore: out,
    };
    runs.push(current);
    if (event.index >= 0) parts[event.index] = current;
    out = new Set();
  }
  if (current === undefined)
    for (const [index, run] of parts.entries()) if (run?.ended === 'retracted') fates[index] = 'retracted';
  return { ...changesOf(runs, stored), fates };
}

/** A time in which one content held without a break. */
interface Run<T> {
  readonly first: Arrival<T>;
  readonly at: Millis;
  /** Place of its first arrival among those that arrive now; -1: it is stored. */
  readonly index: number;
  readonly from: Millis;
  until: Millis | null;
  ended: Ending | '';
  endedBy: string;
  /** The stored versions that it takes in. */
  readonly stored: Version<T>[];
  /** Its arrivals after the first. */
  readonly others: Pick<Repeat, 'load' | 'arrivedAt'>[];
  /** Contents that stayed out when it began. */
  readonly outBefore: ReadonlySet<number>;
}

function endRun<T>(run: Run<T>, at: Millis, ended: Ending, by: string): void {
  run.until = Math.max(at, run.from);
  run.ended = ended;
  run.endedBy = by;
}

/** Something that happened to a record. */
export type Event<T> =
  | {
      readonly kind: 'arrival';
      readonly at: Millis;
      readonly arrival: Arrival<T>;
      /** The stored version that tells of this arrival; undefined: it arrives now. */
      readonly known: Version<T> | undefined;
      /** Place among those that arrive now. */
      readonly index: number;
    }
  | {
      readonly kind: 'end';
      readonly at: Millis;
      readonly ended: Ending;
      readonly by: string;
      readonly origin: Origin | undefined;
      /** The load that had brought what ended. */
      readonly load: string;
    };

/** Everything that happened to the record, in the order in which it happened. */
export function timelineOf<T>(
  stored: readonly Version<T>[],
  arrivals: readonly Arrival<T>[],
  retractions: readonly Retraction[],
): Event<T>[] {
  const events: Event<T>[] = [];
  for (const known of stored) {
    events.push({ kind: 'arrival', at: known.arrivedAt, arrival: known, known, index: -1 });
    const { until, ended, endedBy, load } = known;
    if (until === null || (ended !== 'retracted' && ended !== 'withdrawn')) continue;
    const origin = retractions.find(({ id }) => id === endedBy)?.origin;
    events.push({ kind: 'end', at: until, ended, by: endedBy, origin, load });
  }
  for (const [index, arrival] of arrivals.entries()) {
    events.push({ kind: 'arrival', at: timeOf(arrival, stored), arrival, known: undefined, index });
  }
  for (const { id, at, origin } of retractions) {
    if (!stored.some(({ endedBy }) => endedBy === id))
      events.push({ kind: 'end', at, ended: 'retracted', by: id, origin, load: '' });
  }
  return events.sort(inOrder);
}

function isSamePartition(one: Origin, other: Origin): boolean {
  return one.partition >= 0 && one.partition === other.partition && one.topic === other.topic;
}

/** A message that follows another in its partition is not earlier, even where the clocks of its producers say so. */
function timeOf<T>(arrival: Arrival<T>, stored: readonly Version<T>[]): Millis {
  let at = arrival.arrivedAt;
  for (const known of stored) {
    if (isSamePartition(known.origin, arrival.origin) && arrival.origin.offset > known.origin.offset)
      at = Math.max(at, known.arrivedAt);
  }
  return at;
}

function inOrder<T>(one: Event<T>, other: Event<T>): number {
  if (one.at !== other.at) return one.at - other.at;
  const [origin, otherOrigin] = [originOf(one), originOf(other)];
  if (origin !== undefined && otherOrigin !== undefined && isSamePartition(origin, otherOrigin))
    return origin.offset - otherOrigin.offset;
  // What arrived in the very millisecond of an end had arrived by then.
  if (one.kind === 'end' || other.kind === 'end')
    return Number(one.kind === 'end') - Number(other.kind === 'end');
  if (one.known === undefined || other.known === undefined) {
    if (one.known === other.known) return one.index - other.index;
    return one.known === undefined ? 1 : -1;
  }
  return (
    (one.known.until ?? Number.MAX_SAFE_INTEGER) - (other.known.until ?? Number.MAX_SAFE_INTEGER) ||
    one.known.again - other.known.again ||
    one.arrival.content - other.arrival.content
  );
}

function originOf<T>(event: Event<T>): Origin | undefined {
  return event.kind === 'end' ? event.origin : event.arrival.origin;
}

/** The runs as versions, each under the key of a stored version that it takes in, where they differ from what is stored. */
function changesOf<T>(
  runs: readonly Run<T>[],
  stored: readonly Version<T>[],
): Pick<Settled<T>, 'changed' | 'repeats'> {
  const changes: Version<T>[] = [];
  const repeats: Repeat[] = [];
  const taken = new Map<number, Millis[]>();
  for (const { content, again } of stored) taken.set(content, [...(taken.get(content) ?? []), again]);
  for (const run of runs) {
    const { first, from, until, ended, endedBy } = run;
    const kept = run.stored.find((known) => canBecome(known, run));
    const version = (again: Millis): Version<T> => {
      const arrivedAt = Math.max(first.arrivedAt, run.at);
      return { ...first, arrivedAt, again, receivedAt: from, until, ended, endedBy };
    };
    let again = kept?.again ?? 0;
    if (kept === undefined) {
      const used = taken.get(first.content) ?? [];
      again = used.length === 0 ? 0 : Math.max(from, ...used.map((time) => time + 1));
      taken.set(first.content, [...used, again]);
      changes.push(version(again));
    } else if (!isAs(kept, run)) {
      changes.push(version(again));
    }
    if (first.load !== '') {
      for (const other of run.others)
        if (other.load !== first.load) repeats.push({ content: first.content, again, ...other });
    }
    for (const repeat of run.stored) {
      // It turned out to repeat what held already, so it never held by itself.
      if (repeat !== kept && repeat.until !== repeat.receivedAt)
        changes.push({ ...repeat, until: repeat.receivedAt, ended: 'corrected', endedBy: '' });
    }
  }
  return { changed: changes, repeats };
}

/** An end can only move to an earlier time: of two rows of one version the store keeps the one with the earlier end. */
function canBecome<T>(known: Version<T>, { until }: Run<T>): boolean {
  return known.until === null || (until !== null && until <= known.until);
}

function isAs<T>(known: Version<T>, { from, until, ended, endedBy }: Run<T>): boolean {
  return (
    known.receivedAt === from && known.until === until && known.ended === ended && known.endedBy === endedBy
  );
}
