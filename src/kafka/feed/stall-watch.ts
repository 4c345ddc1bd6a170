import type { Clock, Millis } from '../../core/clock.js';
import { type PartitionState, partitionKey } from './partition-state.js';

/**
 * Tells a consumer that waits from one that hangs. kafkajs can stop without an error, as a whole or for the partitions of
 * one broker: after a connection was reset, a request may never be answered nor rejected. So two things are watched:
 * that the loop turns (it fetches, takes, or waits for room, each with heartbeats), and that every partition with more
 * to read is read.
 */
export class StallWatch {
  readonly #clock: Clock;
  readonly #stuckMs: Millis;
  /** So long a group may take to give out its partitions anew. */
  readonly #rebalanceMs: Millis;
  #turnedAt: Millis;
  /** Since when reading could go on: it does not while joining, nor while there is no room. */
  #readingSince: Millis;
  #joining = true;

  constructor(clock: Clock, stuckMs: Millis, rebalanceMs: Millis) {
    this.#clock = clock;
    this.#stuckMs = stuckMs;
    this.#rebalanceMs = rebalanceMs;
    this.#turnedAt = this.#readingSince = clock();
  }

  /** Milliseconds since the loop last turned. */
  get ageMs(): Millis {
    return this.#clock() - this.#turnedAt;
  }

  turned(): void {
    this.#turnedAt = this.#clock();
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

  /** What hangs, if anything. */
  fault(partitions: Iterable<PartitionState>): string | undefined {
    if (this.ageMs > this.#stuckMs + (this.#joining ? this.#rebalanceMs : 0))
      return `The consumer loop has not turned for ${Math.round(this.ageMs / 1000)} s.`;
    if (this.#joining) return undefined;
    const now = this.#clock();
    for (const state of partitions) {
      if (state.stopped !== undefined || state.position === undefined || state.end === undefined) continue;
      const idle = now - Math.max(state.movedAt, this.#readingSince);
      if (state.end > state.position && idle > this.#stuckMs)
        return `Nothing was read of ${partitionKey(state.topic, state.partition)} for ${Math.round(idle / 1000)} s, though there is more.`;
    }
    return undefined;
  }
}
