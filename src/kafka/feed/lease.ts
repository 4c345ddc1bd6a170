import type { Clock, Millis } from '../../core/clock.js';
import { PerennialError } from '../../core/errors.js';
import type { TopicPartition } from './ownership.js';

/**
 * What a consumer owns, for work that may have only one worker at a time. Taken at the beginning of a piece of work and asked
 * before every write and every publication of it.
 */
export interface PartitionLease {
  /** The rebalance of this consumer that the lease was taken in. */
  readonly epoch: number;
  /** The group's generation. It goes up for the whole group: of two owners the later one has the higher. */
  readonly generation: number;
  readonly partitions: readonly TopicPartition[];
  /**
   * Throws `cancelled` when the partitions changed hands, or may have: the group is being given out anew, or the last heartbeat
   * that the broker answered was sent too long ago. The same work may be tried again under a new lease.
   */
  assertStillOwner(): void;
}

export interface LeaseTerms {
  /** Without a heartbeat for this long the group gives the partitions to others. */
  readonly sessionMs: Millis;
  /** So long the group waits, when it is given out anew, for members that are still at work. */
  readonly rebalanceMs: Millis;
}

/** Of the time after which the group gives partitions away: the rest is for a write that has just been allowed to arrive. */
const SURE = 2 / 3;

/** A point in time by two clocks. One alone is not enough: the wall clock is set, the steady one stops with its machine. */
interface Moment {
  readonly wall: Millis;
  readonly steady: Millis;
}

/**
 * How long a consumer may be sure of its partitions:
 *
 *     none --first heartbeat of a generation--> sure --heartbeats--> sure ...
 *       ^                                        |
 *       +--- joining anew, thrown out, silence for 2/3 of the session, or of what a rebalance waits
 *
 * What counts is when a heartbeat was sent, not when its answer was read: a process that was frozen in between reads an answer
 * of long ago. A heartbeat answered with "the group is being given out anew" extends the lease as well, since the group waits
 * for its members, but only as long as it waits.
 */
export class Lease {
  readonly #terms: LeaseTerms;
  readonly #wall: Clock;
  readonly #steady: Clock;
  #generation: number | undefined;
  #joinedAt: Moment | undefined;
  /** When the latest heartbeat was sent that the broker answered, with whatever. */
  #answered: Moment | undefined;
  /** When the latest heartbeat was sent that the broker took. */
  #taken: Moment | undefined;
  /** A moment before the group began to be given out anew. */
  #recalled: Moment | undefined;

  constructor(terms: LeaseTerms, clocks: { readonly wall: Clock; readonly steady: Clock }) {
    this.#terms = terms;
    this.#wall = clocks.wall;
    this.#steady = clocks.steady;
  }

  /** Known once the lease has begun. */
  get generation(): number | undefined {
    return this.#generation;
  }

  /** The group gave out its partitions, and has taken no heartbeat since. */
  get isBeginning(): boolean {
    return this.#joinedAt !== undefined && this.#taken === undefined;
  }

  /** The group gave out its partitions. The lease begins with the first heartbeat in the new generation. */
  joined(): void {
    this.end();
    this.#joinedAt = this.#now();
  }

  /** An answer to a heartbeat came in, good or bad; `sentAt` by the wall clock. Comes before `taken` and `recalled`. */
  answered(sentAt: Millis): void {
    const { wall, steady } = this.#now();
    this.#answered = { wall: sentAt, steady: steady - Math.max(0, wall - sentAt) };
  }

  /** The broker took the heartbeat that was answered last. */
  taken(generation: number): void {
    const sent = this.#answered;
    if (sent === undefined || this.#joinedAt === undefined || sent.steady < this.#joinedAt.steady) return;
    this.#generation = generation;
    this.#taken = sent;
  }

  /** The broker knows us, and asks all members to join anew. */
  recalled(): void {
    if (this.#answered === undefined || this.#taken === undefined) return;
    this.#recalled ??= this.#taken;
    this.#taken = this.#answered;
  }

  /** We are joining anew, were thrown out, or left. */
  end(): void {
    this.#generation = undefined;
    this.#joinedAt = this.#taken = this.#recalled = undefined;
  }

  /** Why the partitions may not be ours any more; undefined while they surely are. */
  doubt(): string | undefined {
    if (this.#taken === undefined) return 'The group gives out its partitions anew.';
    const { sessionMs, rebalanceMs } = this.#terms;
    const silent = this.#since(this.#taken);
    if (silent > sessionMs * SURE)
      return `The group last took a heartbeat ${Math.round(silent / 100) / 10} s ago, of at most ${sessionMs / 1000} s.`;
    if (this.#recalled !== undefined && this.#since(this.#recalled) > rebalanceMs * SURE)
      return `The group has waited ${Math.round(this.#since(this.#recalled) / 1000)} s for this member, of at most ${rebalanceMs / 1000} s.`;
    return undefined;
  }

  #since({ wall, steady }: Moment): Millis {
    const now = this.#now();
    return Math.max(now.wall - wall, now.steady - steady);
  }

  #now(): Moment {
    return { wall: this.#wall(), steady: this.#steady() };
  }
}

/** For what was begun as owner, and may no longer be finished as one. */
export function notOwner(why: string): PerennialError {
  return new PerennialError(
    'cancelled',
    `The work was given up, since another process may own its partitions by now. ${why}`,
  );
}
