import type { Clock, Millis } from '../../core/clock.js';
import { type PartitionState, partitionKey } from './partition-state.js';

/**
 * Tells a consumer that waits from one that hangs. kafkajs can stop without an error, as a whole or for the partitions of
 * one broker: after a connection was reset, a request may never be answered nor rejected. So two things are watched:
 * that the loop turns (it fetches, takes, or waits for room, each with heartbeats), and that every partition with more
 * to read is read. One for a feed, over all its sessions.
 */
export class StallWatch {
  readonly #clock: Clock;
  readonly #stuckMs: Millis;
  /** So long a group may take to give out its partitions anew. */
  readonly #rebalanceMs: Millis;
  /** When the loop last turned, or a session began. */
  #turnedAt: Millis;
  /** When the loop last turned. */
  #lastTurn: Millis;
  /** Since when reading could go on: it does not while joining, nor while there is no room. */
  #readingSince: Millis;
  #joining = false;

  constructor(clock: Clock, stuckMs: Millis, rebalanceMs: Millis) {
    this.#clock = clock;
    this.#stuckMs = stuckMs;
    this.#rebalanceMs = rebalanceMs;
    this.#turnedAt = this.#lastTurn = this.#readingSince = clock();
  }

  /** Milliseconds since the loop last turned, in whichever session. */
  get ageMs(): Millis {
    return this.#clock() - this.#lastTurn;
  }

  /** Whether the group is giving out its partitions, which may take long. */
  get isJoining(): boolean {
    return this.#joining;
  }

  /** A session begins to connect: it has the whole of its time. */
  begin(): void {
    this.#joining = false;
    this.#turnedAt = this.#readingSince = this.#clock();
  }

  /** A session begins to join. */
  beginJoining(): void {
    this.begin();
    this.#joining = true;
  }

  turned(): void {
    this.#turnedAt = this.#lastTurn = this.#clock();
  }

  joining(): void {
    this.#joining = true;
    this.turned();
  }

  joined(): void {
    this.#joining = false;
    this.waited();
  }

  /** The loop stood still on purpose. */
  waited(): void {
    this.turned();
    this.#readingSince = this.#turnedAt;
  }

  /** What hangs in this session, if anything. */
  fault(partitions: Iterable<PartitionState>): string | undefined {
    const now = this.#clock();
    const age = now - this.#turnedAt;
    if (age > this.#stuckMs + (this.#joining ? this.#rebalanceMs : 0))
      return `The consumer loop has not turned for ${Math.round(age / 1000)} s.`;
    if (this.#joining) return undefined;
    for (const state of partitions) {
      if (state.stopped !== undefined || state.position === undefined || state.stableEnd === undefined)
        continue;
      const idle = now - Math.max(state.movedAt, this.#readingSince);
      if (state.stableEnd > state.position && idle > this.#stuckMs)
        return `Nothing was read of ${partitionKey(state.topic, state.partition)} for ${Math.round(idle / 1000)} s, though there is more.`;
    }
    return undefined;
  }
}
