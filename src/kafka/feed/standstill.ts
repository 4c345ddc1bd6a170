import type { Consumer } from 'kafkajs';
import type { FeedOptions } from './feed-options.js';
import { type PartitionState, partitionKey } from './partition-state.js';

const WHAT_TO_DO = {
  poisoned:
    'A partition was stopped: its producer sends what cannot be read. Fix the producer, or raise KAFKA_POISON_RUN and KAFKA_POISON_RATIO, then restart',
  unreadable:
    'A partition was stopped: a batch cannot be read. Let another replica lead the partition, or pass over the batch as docs/operations.md says, then restart',
} as const;

/** Why a partition can't be read on, and before which offset. */
export interface StopReason {
  readonly kind: keyof typeof WHAT_TO_DO;
  readonly reason: string;
  readonly offset: number;
  /** Where reading could go on, if the batch there is given up. */
  readonly nextOffset?: number;
}

/**
 * Partitions that stand still, and why. One for a feed: what was stopped stays so in the next session, which would else drain
 * a broken producer bit by bit.
 */
export class Standstill {
  readonly #options: Pick<FeedOptions<unknown>, 'groupId' | 'metrics' | 'logger'>;
  readonly #reasons = new Map<string, string>();

  constructor(options: Pick<FeedOptions<unknown>, 'groupId' | 'metrics' | 'logger'>) {
    this.#options = options;
  }

  /** Stops a partition before an offset, and tells the operator. */
  stop(consumer: Consumer, state: PartitionState, { kind, ...fault }: StopReason): void {
    const { topic, partition } = state;
    const { groupId, logger } = this.#options;
    const reason = `${fault.reason}, at offset ${fault.offset}`;
    this.#reasons.set(partitionKey(topic, partition), reason);
    this.keep(consumer, state);
    logger.error({ group: groupId, topic, partition, ...fault }, WHAT_TO_DO[kind]);
  }

  /** Keeps a partition still that is ours (again), if it was stopped before. */
  keep(consumer: Consumer, state: PartitionState): void {
    const { topic, partition } = state;
    state.stopped = this.#reasons.get(partitionKey(topic, partition));
    if (state.stopped !== undefined) consumer.pause([{ topic, partitions: [partition] }]);
  }

  /** Forgets a partition that went elsewhere. */
  forget(consumer: Consumer, { topic, partition, stopped }: PartitionState): void {
    if (stopped === undefined) return;
    this.#reasons.delete(partitionKey(topic, partition));
    // A pause outlives the assignment in kafkajs.
    consumer.resume([{ topic, partitions: [partition] }]);
  }

  report(stopped: readonly PartitionState[]): void {
    const { groupId, metrics } = this.#options;
    metrics.kafkaPartitionsStopped.set({ group: groupId }, stopped.length);
  }
}
