import type { Admin } from 'kafkajs';
import { type Millis, steadyClock } from '../../core/clock.js';
import { OffsetsOfPartitions, type PartitionOffsets } from '../internals/partition-offsets.js';
import type { FeedOptions } from './feed-options.js';
import { type PartitionState, partitionKey } from './partition-state.js';

const EVERY_MS = 5_000;
/** In place of an offset: none is committed. */
const NOTHING = -1;
/** A lag older than this counts as not known. */
const KNOWN_MS = 60_000;

/** How far behind one partition was when that was last known. */
interface Lag {
  readonly topic: string;
  readonly partition: number;
  readonly offsets: number;
  /** Behind a transaction that has not ended. */
  readonly unstable: number;
  /** Arrival of the oldest message that is not durable, or a time before it; undefined: there is none. */
  readonly since: Millis | undefined;
}

/**
 * How far behind we are. Asks the brokers, apart from the consumer, where each partition ends: a consumer that has stopped
 * fetching would go on showing the lag it last saw. One for a feed, over all its sessions: what was last known is shown, and ages,
 * until the group gives the partition to another, whether or not there is a connection now.
 */
export class LagMonitor {
  readonly #options: FeedOptions<unknown>;
  readonly #onExpired: (state: PartitionState, low: number) => void;
  readonly #known = new Map<string, Lag>();
  #partitions: () => Iterable<PartitionState> = () => [];
  #asking: { readonly admin: Admin; readonly offsets: OffsetsOfPartitions } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running = false;
  #knownAt: Millis;
  /** What the group had committed when it was last asked. */
  #committed: ReadonlyMap<string, number> = new Map();

  /** `onExpired`: retention has deleted what comes next in a partition, up to `low`. */
  constructor(options: FeedOptions<unknown>, onExpired: (state: PartitionState, low: number) => void) {
    this.#options = options;
    this.#onExpired = onExpired;
    this.#knownAt = steadyClock();
  }

  start(): void {
    this.#timer = setInterval(() => void this.ask(), EVERY_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#disconnect();
    for (const lag of this.#known.values()) this.#remove(lag);
  }

  /** The group gave out its partitions: these are ours from now on. */
  follow(partitions: () => Iterable<PartitionState>): void {
    this.#partitions = partitions;
    const ours = new Set([...partitions()].map((state) => partitionKey(state.topic, state.partition)));
    for (const [key, lag] of this.#known) if (!ours.has(key)) this.#remove(lag);
    void this.ask();
  }

  /** Milliseconds since the brokers last said where partitions end. */
  get ageMs(): Millis {
    return steadyClock() - this.#knownAt;
  }

  notReady(limitMs: Millis): string | undefined {
    if (this.ageMs > KNOWN_MS) return `The lag has not been known for ${Math.round(this.ageMs / 1000)} s.`;
    const now = this.#options.clock();
    this.#look(now);
    const worst = Math.max(0, ...[...this.#known.values()].map(({ since }) => now - (since ?? now)));
    return worst > limitMs
      ? `Ingestion is ${Math.round(worst / 1000)} s behind, over the limit of ${Math.round(limitMs / 1000)} s.`
      : undefined;
  }

  /** Sets the gauges. */
  report(): void {
    const { metrics, groupId: group, clock } = this.#options;
    const now = clock();
    this.#look(now);
    metrics.kafkaLagAge.set({ group }, this.ageMs / 1000);
    for (const { topic, partition, offsets, unstable, since } of this.#known.values()) {
      const labels = { topic, partition: String(partition) };
      metrics.kafkaLagOffsets.set(labels, offsets);
      metrics.kafkaUnstableOffsets.set(labels, unstable);
      metrics.kafkaLagSeconds.set(labels, Math.max(0, now - (since ?? now)) / 1000);
    }
  }

  #look(now: Millis): void {
    for (const state of this.#partitions()) {
      const { topic, partition, lag, unstable } = state;
      if (lag === undefined) continue;
      const key = partitionKey(topic, partition);
      const before = this.#known.get(key);
      const since = lag === 0 ? undefined : (state.pendingSince[0] ?? unreadSince(state, before, now));
      this.#known.set(key, { topic, partition, offsets: lag, unstable, since });
    }
  }

  #remove({ topic, partition }: Lag): void {
    const { kafkaLagOffsets, kafkaLagSeconds, kafkaUnstableOffsets } = this.#options.metrics;
    this.#known.delete(partitionKey(topic, partition));
    for (const gauge of [kafkaLagOffsets, kafkaLagSeconds, kafkaUnstableOffsets])
      gauge.remove({ topic, partition: String(partition) });
  }

  /** One question, unless the one before is still waiting for its answer. Never rejects. */
  async ask(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    const { groupId, logger, topics } = this.#options;
    try {
      const { admin, offsets } = await this.#connected();
      const [committed, found] = await Promise.all([
        admin.fetchOffsets({ groupId, topics: [...topics] }),
        offsets.ask(topics),
      ]);
      const committedAt = new Map(
        committed.flatMap(({ topic, partitions }) =>
          partitions.map(
            // A tool may have committed a name for a place (-2: the earliest), which is none to have lost messages since.
            ({ partition, offset }) =>
              [partitionKey(topic, partition), Math.max(Number(offset), NOTHING)] as const,
          ),
        ),
      );
      const states = new Map([...this.#partitions()].map((s) => [partitionKey(s.topic, s.partition), s]));
      for (const one of found) {
        const key = partitionKey(one.topic, one.partition);
        const state = states.get(key);
        if (state !== undefined) this.#found(state, one, committedAt.get(key) ?? NOTHING);
      }
      this.#committed = committedAt;
      this.#knownAt = steadyClock();
    } catch (error) {
      logger.debug({ group: groupId, error }, 'The lag could not be asked; trying again');
      await this.#disconnect();
    } finally {
      this.#running = false;
    }
  }

  #found(state: PartitionState, { low, end, stableEnd }: PartitionOffsets, committed: number): void {
    const { logger, metrics, groupId } = this.#options;
    const { topic, partition } = state;
    const next = state.position ?? this.#committedBefore(state, committed, low);
    // Deleted before it was read: nobody will ever read it.
    if (next !== NOTHING && next < low) {
      metrics.kafkaOffsetsExpired.inc({ topic }, low - next);
      logger.error(
        { group: groupId, topic, partition, next, first: low },
        'Messages were deleted by retention before they were read',
      );
    }
    if (state.position === undefined) state.startAt(Math.max(committed, low));
    else if (state.position < low) this.#onExpired(state, low);
    state.endsAt(end, stableEnd, steadyClock());
  }

  /** kafkajs commits the beginning of a partition by itself when it finds that the committed offset is no longer there. */
  #committedBefore({ topic, partition }: PartitionState, committed: number, low: number): number {
    if (committed !== low) return committed;
    const before = this.#committed.get(partitionKey(topic, partition)) ?? NOTHING;
    return before === NOTHING ? committed : Math.min(before, committed);
  }

  async #connected() {
    if (this.#asking !== undefined) return this.#asking;
    const { kafka } = this.#options;
    const asking = { admin: kafka.admin(), offsets: new OffsetsOfPartitions(kafka) };
    await asking.admin.connect();
    this.#asking = asking;
    return asking;
  }

  async #disconnect(): Promise<void> {
    const asking = this.#asking;
    this.#asking = undefined;
    await Promise.allSettled([asking?.admin.disconnect(), asking?.offsets.close()]);
  }
}

/** Of what was not yet read the arrival is not known: it came after what was last durable, and was there when it was first seen. */
function unreadSince({ durableAt }: PartitionState, before: Lag | undefined, now: Millis): Millis {
  if (before === undefined) return durableAt ?? now;
  if (before.since === undefined) return now;
  return Math.max(before.since, durableAt ?? 0);
}
