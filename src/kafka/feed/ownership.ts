import { type PartitionState, partitionKey } from './partition-state.js';

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/**
 * Which partitions are ours, and since which rebalance. The epoch goes up whenever that may have changed; a partition
 * carries the epoch that last confirmed it, and nothing is committed for one that carries an older one.
 */
export class Ownership {
  epoch = 0;
  readonly #partitions = new Map<string, PartitionState>();

  get(topic: string, partition: number): PartitionState | undefined {
    return this.#partitions.get(partitionKey(topic, partition));
  }

  all(): Iterable<PartitionState> {
    return this.#partitions.values();
  }

  stopped(): readonly PartitionState[] {
    return [...this.#partitions.values()].filter((state) => state.stopped !== undefined);
  }

  get partitions(): readonly TopicPartition[] {
    return [...this.#partitions.values()].map(({ topic, partition }) => ({ topic, partition }));
  }

  /** Takes over a new assignment: partitions that stay ours keep their state, added ones get one. Returns what went elsewhere. */
  join(
    assigned: Readonly<Record<string, readonly number[]>>,
    create: (topic: string, partition: number, epoch: number) => PartitionState,
  ): readonly PartitionState[] {
    this.epoch++;
    const before = new Map(this.#partitions);
    this.#partitions.clear();
    for (const [topic, partitions] of Object.entries(assigned))
      for (const partition of partitions) {
        const key = partitionKey(topic, partition);
        const state = before.get(key) ?? create(topic, partition, this.epoch);
        before.delete(key);
        state.epoch = this.epoch;
        this.#partitions.set(key, state);
      }
    for (const gone of before.values()) gone.retired = true;
    return [...before.values()];
  }

  /** Puts a new state in place of one whose log is another now. What was taken of the old one is finished, but not committed. */
  replace(state: PartitionState): void {
    this.#partitions.set(partitionKey(state.topic, state.partition), state);
  }

  /** Nothing is ours any more. Returns what was. */
  end(): readonly PartitionState[] {
    return this.join({}, () => {
      throw new Error('Nothing is assigned.');
    });
  }
}
