import { setTimeout as sleep } from 'node:timers/promises';
import type { Consumer, ConsumerGroupJoinEvent } from 'kafkajs';
import type { Millis } from '../../core/clock.js';
import { PerennialError } from '../../core/errors.js';
import { LIMITS } from '../../core/limits.js';
import type { OutageLog } from '../../telemetry/outage-log.js';
import { DeliveryPipeline } from './delivery-pipeline.js';
import type { FeedOptions } from './feed-options.js';
import { holdingAssigner } from './holding-assigner.js';
import { LagMonitor } from './lag-monitor.js';
import type { PartitionLease } from './lease.js';
import { Membership } from './membership.js';
import { OffsetCommitter } from './offset-committer.js';
import { PartitionReader } from './partition-reader.js';
import { PartitionState, partitionKey } from './partition-state.js';
import { PoisonGuard } from './poison-guard.js';
import type { SessionEnd } from './session-end.js';
import { StallWatch } from './stall-watch.js';
import type { Standstill } from './standstill.js';

/** Handlers that may wait at once in an exclusive feed. */
const ALL_PARTITIONS = 1_000;
/** How long the broker holds back an answer when there is nothing to read; a loop turns at least this often. */
const FETCH_WAIT_MS = 500;
/** How long a client is given to let go; one that hangs never does, and the group waits for its session's time. */
const DISCONNECT_MS = 5_000;

/** What a feed leans on, over all its sessions. */
export interface Outages {
  readonly store: OutageLog;
  readonly broker: OutageLog;
}

/** Makes what was read durable. The lease is for work that may have only one worker at a time. */
export type Deliver<Item> = (items: readonly Item[], lease: PartitionLease) => Promise<void>;

/** One consumer in the group, from joining to its end. `kafka-feed.ts` draws its states. */
export class ConsumerSession<Item> {
  readonly #options: FeedOptions<Item>;
  readonly #consumer: Consumer;
  readonly #pipeline: DeliveryPipeline<Item>;
  readonly #committer: OffsetCommitter;
  readonly #lag: LagMonitor;
  readonly #membership: Membership;
  readonly #reader: PartitionReader<Item>;
  #joined = false;
  #draining = false;
  readonly #stall: StallWatch;
  readonly #standstill: Standstill;
  readonly #outages: Outages;
  #end!: (end: SessionEnd) => void;
  readonly #ended = new Promise<SessionEnd>((resolve) => {
    this.#end = resolve;
  });

  constructor(options: FeedOptions<Item>, deliver: Deliver<Item>, standstill: Standstill, outages: Outages) {
    this.#options = options;
    this.#standstill = standstill;
    this.#outages = outages;
    const group = options.groupId;
    const heartbeatMs = Math.min(1_000, options.sessionMs / 20);
    this.#stall = new StallWatch(options.clock, options.stuckMs, options.rebalanceMs);
    this.#membership = new Membership(options);
    this.#consumer = options.kafka.consumer({
      groupId: options.groupId,
      sessionTimeout: options.sessionMs,
      rebalanceTimeout: options.rebalanceMs,
      heartbeatInterval: heartbeatMs,
      partitionAssigners: [holdingAssigner(this.#membership.mustWait)],
      maxWaitTimeInMs: FETCH_WAIT_MS,
      maxBytes: LIMITS.kafkaFetchBytes,
      allowAutoTopicCreation: false,
      retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 8, restartOnFailure: async () => false },
    });
    this.#pipeline = new DeliveryPipeline<Item>({
      maxRows: options.batchRows,
      maxBytes: options.batchBytes,
      maxAgeMs: options.batchMs,
      inFlight: options.inFlight,
      clock: options.clock,
      deliver:
        options.exclusive === true
          ? (items) => this.#membership.underLease((lease) => deliver(items, lease))
          : (items) => deliver(items, this.#membership.lease()),
      onDurable: () => void this.#committer.commit(),
      onRetry: (error, attempt) => {
        if (error.code === 'cancelled') {
          options.metrics.kafkaStaleStopped.inc({ group });
          options.logger.info({ group, error }, 'A delivery was given up; trying again what is still ours');
          return;
        }
        options.metrics.deliveryRetries.inc({ group });
        outages.store.failed(error, { group, attempt });
      },
      onHealed: () => outages.store.recovered({ group }),
      onStale: () => options.metrics.kafkaStaleStopped.inc({ group }),
    });
    this.#committer = new OffsetCommitter(
      this.#consumer,
      () => this.#membership.ours.all(),
      () => this.#membership.ours.epoch,
      (error) => {
        options.metrics.kafkaCommitFailures.inc({ group });
        options.logger.debug(
          { group: options.groupId, error },
          'An offset commit failed; a later one covers it',
        );
      },
    );
    this.#lag = new LagMonitor(options, () => this.#membership.ours.all());
    this.#reader = new PartitionReader({
      options,
      membership: this.#membership,
      pipeline: this.#pipeline,
      stall: this.#stall,
      heartbeatMs,
      draining: () => this.#draining,
      stop: (state, reason) => {
        standstill.stop(this.#consumer, state, reason);
        standstill.report(this.#membership.ours.stopped());
      },
    });
  }

  /** Runs work that has to have the partitions to itself. It ends early, with `cancelled`, when the feed is to stop. */
  exclusively<T>(work: (lease: PartitionLease) => Promise<T>): Promise<T> {
    return this.#membership.whileStaying(work);
  }

  /** Milliseconds since the loop last fetched, took messages, waited for room or sent a heartbeat. */
  get loopAgeMs(): Millis {
    return this.#stall.ageMs;
  }

  get joined(): boolean {
    return this.#joined;
  }

  notReady(lagLimitMs: Millis): string | undefined {
    if (!this.#joined) return 'The consumer has not joined its group yet.';
    const stopped = this.#membership.ours.stopped();
    if (stopped.length > 0)
      return stopped
        .map((s) => `Partition ${partitionKey(s.topic, s.partition)} stands still: ${s.stopped}.`)
        .join(' ');
    const { failing } = this.#pipeline;
    if (failing !== undefined && failing.error.code !== 'cancelled')
      return `The store has refused writes for ${Math.round((this.#options.clock() - failing.since) / 1000)} s: ${failing.error.message}`;
    return this.#lag.notReady(lagLimitMs);
  }

  /** Runs until the session ends by itself, or `signal` aborts and everything under way is durable and committed. */
  async run(signal: AbortSignal): Promise<SessionEnd> {
    const drain = () => void this.#drain();
    const watch = setInterval(() => this.#watch(), Math.min(1_000, this.#options.stuckMs / 4));
    try {
      this.#listen();
      await this.#consumer.connect();
      await this.#consumer.subscribe({ topics: [...this.#options.topics], fromBeginning: true });
      await this.#lag.start();
      await this.#consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: this.#options.exclusive === true ? ALL_PARTITIONS : 1,
        eachBatch: (payload) => this.#reader.take(payload),
      });
      signal.addEventListener('abort', drain, { once: true });
      if (signal.aborted) drain();
      return await this.#ended;
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      return { kind: 'crashed', error, joined: this.#joined };
    } finally {
      signal.removeEventListener('abort', drain);
      clearInterval(watch);
      await this.#leave();
    }
  }

  #listen(): void {
    const { events } = this.#consumer;
    this.#membership.listen(this.#consumer);
    const turned = () => this.#stall.turned();
    this.#consumer.on(events.FETCH_START, turned);
    this.#consumer.on(events.FETCH, turned);
    this.#consumer.on(events.HEARTBEAT, turned);
    this.#consumer.on(events.REBALANCING, () => this.#stall.joining());
    this.#consumer.on(events.START_BATCH_PROCESS, ({ payload: { topic, partition } }) => {
      const state = this.#membership.ours.get(topic, partition);
      if (state !== undefined) state.filtered = true;
    });
    this.#consumer.on(events.END_BATCH_PROCESS, ({ payload: { topic, partition, lastOffset } }) => {
      const state = this.#membership.ours.get(topic, partition);
      const next = Number(lastOffset) + 1;
      if (state?.filtered !== true || state.position === undefined || next <= state.position) return;
      state.moveTo(next, this.#options.clock());
      this.#pipeline.skip(state, next);
    });
    this.#consumer.on(events.GROUP_JOIN, (event) => {
      this.#stall.joined();
      this.#onJoin(event);
    });
    this.#consumer.on(events.CRASH, ({ payload: { error } }) => {
      this.#finish({ kind: 'crashed', error, joined: this.#joined });
    });
  }

  /** Partitions that stay ours go on where they were, those that went elsewhere are let go. */
  #onJoin({ payload: { memberAssignment } }: ConsumerGroupJoinEvent): void {
    const { clock, logger, metrics, poison, groupId } = this.#options;
    this.#joined = true;
    this.#outages.broker.recovered({ group: groupId });
    metrics.kafkaRebalances.inc({ group: groupId });
    const gone = this.#membership.ours.join(
      memberAssignment,
      (topic, partition, epoch) =>
        new PartitionState(topic, partition, epoch, new PoisonGuard(poison), clock()),
    );
    this.#membership.joined();
    for (const state of gone) {
      this.#lag.forget(state);
      this.#standstill.forget(this.#consumer, state);
    }
    for (const state of this.#membership.ours.all()) {
      this.#standstill.keep(this.#consumer, state);
      const { topic, partition, position } = state;
      // kafkajs would fetch from the committed offset, behind what is under way here.
      if (position !== undefined) this.#consumer.seek({ topic, partition, offset: String(position) });
    }
    this.#standstill.report(this.#membership.ours.stopped());
    logger.info({ group: groupId, partitions: memberAssignment }, 'Joined the consumer group');
    void this.#committer.commit();
  }

  #watch(): void {
    const { metrics, groupId } = this.#options;
    metrics.kafkaLoopAge.set({ group: groupId }, this.loopAgeMs / 1000);
    this.#lag.report();
    const fault = this.#draining ? undefined : this.#stall.fault(this.#membership.ours.all());
    if (fault === undefined) return;
    const error = new PerennialError('unavailable', fault);
    this.#finish({ kind: 'stuck', error, joined: this.#joined });
  }

  #finish(end: SessionEnd): void {
    this.#end(end);
  }

  async #drain(): Promise<void> {
    this.#draining = true;
    this.#membership.leaving();
    // The loop goes on for its heartbeats, but fetches nothing.
    this.#consumer.pause(this.#options.topics.map((topic) => ({ topic })));
    await this.#pipeline.drain();
    await this.#membership.settled();
    await this.#committer.commit();
    this.#finish({ kind: 'drained' });
  }

  /** Leaves the group and lets go of everything, even when kafkajs hangs. */
  async #leave(): Promise<void> {
    this.#draining = true;
    await this.#pipeline.stop();
    for (const state of this.#membership.end()) this.#lag.forget(state);
    this.#standstill.report([]);
    await Promise.race([
      Promise.allSettled([this.#consumer.disconnect(), this.#lag.stop()]),
      sleep(DISCONNECT_MS, undefined, { ref: false }),
    ]);
  }
}
