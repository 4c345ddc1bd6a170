import type { Consumer } from 'kafkajs';
import type { Clock, Millis } from '../../core/clock.js';
import type { PartitionState } from './partition-state.js';

/** kafkajs has tried for some seconds before it gives up a commit. */
const AGAIN_MS = 1_000;

/**
 * Commits how far partitions are durable, one request at a time, all partitions in one. Only partitions that the
 * latest rebalance confirmed as ours. A commit that failed is tried again soon, with whatever has become durable since; one that is
 * never answered nor rejected, as kafkajs leaves requests after a connection was reset, holds up all others: `fault` tells.
 */
export class OffsetCommitter {
  readonly #consumer: Pick<Consumer, 'commitOffsets'>;
  readonly #partitions: () => Iterable<PartitionState>;
  readonly #epoch: () => number;
  readonly #onFailure: (error: unknown) => void;
  readonly #clock: Clock;
  /** When the request was sent that has not come back. */
  #sentAt: Millis | undefined;
  #running: Promise<void> | undefined;
  #again = false;

  constructor(
    consumer: Pick<Consumer, 'commitOffsets'>,
    partitions: () => Iterable<PartitionState>,
    epoch: () => number,
    onFailure: (error: unknown) => void,
    clock: Clock,
  ) {
    this.#consumer = consumer;
    this.#partitions = partitions;
    this.#epoch = epoch;
    this.#onFailure = onFailure;
    this.#clock = clock;
  }

  /** What hangs, if a commit has for so long. */
  fault(stuckMs: Millis): string | undefined {
    if (this.#sentAt === undefined) return undefined;
    const age = this.#clock() - this.#sentAt;
    return age > stuckMs ? `A commit has had no answer for ${Math.round(age / 1000)} s.` : undefined;
  }

  /** Commits soon. Never rejects. Resolves when everything that is durable now was tried. */
  commit(): Promise<void> {
    this.#again = true;
    this.#running ??= this.#loop().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #loop(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      const due = [...this.#partitions()].flatMap((state) =>
        !state.retired && state.epoch === this.#epoch() && state.durable !== state.committed
          ? { state, offset: state.durable! }
          : [],
      );
      if (due.length === 0) continue;
      try {
        this.#sentAt = this.#clock();
        await this.#consumer.commitOffsets(
          due.map(({ state: { topic, partition }, offset }) => ({
            topic,
            partition,
            offset: String(offset),
          })),
        );
        for (const { state, offset } of due) state.committed = offset;
      } catch (error) {
        this.#onFailure(error);
        setTimeout(() => void this.commit(), AGAIN_MS).unref();
        return;
      } finally {
        this.#sentAt = undefined;
      }
    }
  }
}
