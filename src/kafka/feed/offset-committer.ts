import type { Consumer } from 'kafkajs';
import type { PartitionState } from './partition-state.js';

/** kafkajs has tried for some seconds before it gives up a commit. */
const AGAIN_MS = 1_000;

/**
 * Commits how far partitions are durable, one request at a time, all partitions in one. Only partitions that the
 * latest rebalance confirmed as ours. A commit that failed is tried again soon, with whatever has become durable since.
 */
export class OffsetCommitter {
  readonly #consumer: Pick<Consumer, 'commitOffsets'>;
  readonly #partitions: () => Iterable<PartitionState>;
  readonly #epoch: () => number;
  readonly #onFailure: (error: unknown) => void;
  #running: Promise<void> | undefined;
  #again = false;

  constructor(
    consumer: Pick<Consumer, 'commitOffsets'>,
    partitions: () => Iterable<PartitionState>,
    epoch: () => number,
    onFailure: (error: unknown) => void,
  ) {
    this.#consumer = consumer;
    this.#partitions = partitions;
    this.#epoch = epoch;
    this.#onFailure = onFailure;
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
      }
    }
  }
}
