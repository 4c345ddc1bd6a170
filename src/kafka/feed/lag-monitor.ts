import type { Admin } from 'kafkajs';
import type { Millis } from '../../core/clock.js';
import type { FeedOptions } from './feed-options.js';
import { type PartitionState, partitionKey } from './partition-state.js';

const EVERY_MS = 5_000;
/** A lag older than this counts as not known. */
const KNOWN_MS = 60_000;

/**
 * Asks the brokers, apart from the consumer, where each partition ends: a consumer that has stopped fetching would
 * go on telling the lag it last saw.
 */
export class LagMonitor {
  readonly #options: FeedOptions<unknown>;
  readonly #partitions: () => Iterable<PartitionState>;
  readonly #admin: Admin;
  #timer: NodeJS.Timeout | undefined;
  #knownAt: Millis;

  constructor(options: FeedOptions<unknown>, partitions: () => Iterable<PartitionState>) {
    this.#options = options;
    this.#partitions = partitions;
    this.#admin = options.kafka.admin();
    this.#knownAt = options.clock();
  }

  async start(): Promise<void> {
    await this.#admin.connect();
    this.#timer = setInterval(() => void this.#ask(), EVERY_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#admin.disconnect();
  }

  notReady(limitMs: Millis): string | undefined {
    const now = this.#options.clock();
    if (now - this.#knownAt > KNOWN_MS)
      return `The lag has not been known for ${Math.round((now - this.#knownAt) / 1000)} s.`;
    const worst = Math.max(0, ...[...this.#partitions()].map((state) => state.lagMs(now)));
    return worst > limitMs
      ? `Ingestion is ${Math.round(worst / 1000)} s behind, over the limit of ${Math.round(limitMs / 1000)} s.`
      : undefined;
  }

  /** Sets the gauges. */
  report(): void {
    const { kafkaLagOffsets, kafkaLagSeconds } = this.#options.metrics;
    const now = this.#options.clock();
    for (const state of this.#partitions()) {
      const labels = { topic: state.topic, partition: String(state.partition) };
      if (state.lag === undefined) continue;
      kafkaLagOffsets.set(labels, state.lag);
      kafkaLagSeconds.set(labels, state.lagMs(now) / 1000);
    }
  }

  /** Another consumer reports the partition from now on. */
  forget(state: PartitionState): void {
    const labels = { topic: state.topic, partition: String(state.partition) };
    this.#options.metrics.kafkaLagOffsets.remove(labels);
    this.#options.metrics.kafkaLagSeconds.remove(labels);
  }

  async #ask(): Promise<void> {
    const { groupId, logger, metrics, topics, clock } = this.#options;
    try {
      const committed = await this.#admin.fetchOffsets({ groupId, topics: [...topics] });
      const committedAt = new Map(
        committed.flatMap(({ topic, partitions }) =>
          partitions.map(
            ({ partition, offset }) => [partitionKey(topic, partition), Number(offset)] as const,
          ),
        ),
      );
      const states = new Map([...this.#partitions()].map((s) => [partitionKey(s.topic, s.partition), s]));
      for (const topic of topics) {
        for (const { partition, high, low } of await this.#admin.fetchTopicOffsets(topic)) {
          const key = partitionKey(topic, partition);
          const state = states.get(key);
          if (state === undefined) continue;
          state.endsAt(Number(high), clock());
          if (state.position !== undefined) continue;
          const begin = committedAt.get(key) ?? -1;
          // Committed before retention deleted what came next: nobody will ever read it.
          if (begin >= 0 && begin < Number(low)) {
            metrics.kafkaOffsetsExpired.inc({ topic }, Number(low) - begin);
            logger.error(
              { group: groupId, topic, partition, committed: begin, first: low },
              'Messages were deleted by retention before they were read',
            );
          }
          state.startAt(Math.max(begin, Number(low)));
        }
      }
      this.#knownAt = clock();
    } catch (error) {
      logger.debug({ group: groupId, error }, 'The lag could not be asked; trying again');
    }
  }
}
