import { setTimeout as sleep } from 'node:timers/promises';
import type { Consumer, ConsumerGroupJoinEvent } from 'kafkajs';
import { type Millis, steadyClock } from '../../core/clock.js';
import { PerennialError } from '../../core/errors.js';
import type { OutageLog } from '../../telemetry/outage-log.js';
import { FETCH_BYTES } from '../internals/fetch-protocol.js';
import { METADATA_MS } from '../internals/partition-offsets.js';
import { DeliveryPipeline } from './delivery-pipeline.js';
import type { FeedOptions } from './feed-options.js';
import { holdingAssigner } from './holding-assigner.js';
import type { LagMonitor } from './lag-monitor.js';
import type { PartitionLease } from './lease.js';
import { Membership } from './membership.js';
import { OffsetCommitter } from './offset-committer.js';
import { PartitionReader } from './partition-reader.js';
import { PartitionState, partitionKey } from './partition-state.js';
import { PoisonGuard } from './poison-guard.js';
import type { SessionEnd } from './session-end.js';
import type { StallWatch } from './stall-watch.js';
import type { Standstill } from './standstill.js';

/** Handlers that may wait at once in an exclusive feed. */
const ALL_PARTITIONS = 1_000;
/** How long the broker holds back an answer when there is nothing to read; a loop turns at least this often. */
const FETCH_WAIT_MS = 500;
/** How long the client itself waits for an answer to a commit. */
const COMMIT_MS = 30_000;
/** How long a client is given to let go; one that hangs never does, and the group waits for its session's time. */
const DISCONNECT_MS = 5_000;

/** What a feed has for all its sessions, one after the other. */
export interface FeedParts {
  readonly stall: StallWatch;
  readonly standstill: Standstill;
  readonly lag: LagMonitor;
  readonly storeOutage: OutageLog;
  readonly brokerOutage: OutageLog;
  /** Something became durable. */
  readonly onDurable: () => void;
}

/** Makes what was read durable. The lease is for work that may have only one worker at a time. */
export type Deliver<Item> = (items: readonly Item[], lease: PartitionLease) => Promise<void>;

/** One consumer in the group, from joining to its end. `kafka-feed.ts` draws its states. */
export class ConsumerSession<Item> {
  readonly #options: FeedOptions<Item>;
  readonly #parts: FeedParts;
  readonly #consumer: Consumer;
  readonly #pipeline: DeliveryPipeline<Item>;
  readonly #committer: OffsetCommitter;
  readonly #membership: Membership;
  readonly #reader: PartitionReader<Item>;
  #joined = false;
  #draining = false;
  /** Since when no broker has answered while this session is joining. */
  #awaySince: Millis | undefined;
  #end!: (end: SessionEnd) => void;
  readonly #ended = new Promise<SessionEnd>((resolve) => {
    this.#end = resolve;
  });

  constructor(options: FeedOptions<Item>, deliver: Deliver<Item>, parts: FeedParts) {
    this.#options = options;
    this.#parts = parts;
    const { groupId: group, metrics, logger } = options;
    const heartbeatMs = Math.min(1_000, options.sessionMs / 20);
    this.#membership = new Membership(options);
    const { ours } = this.#membership;
    this.#consumer = options.kafka.consumer({
      groupId: group,
      sessionTimeout: options.sessionMs,
      rebalanceTimeout: options.rebalanceMs,
      heartbeatInterval: heartbeatMs,
      partitionAssigners: [
        holdingAssigner(this.#membership.mustWait, (members) =>
          logger.error(
            { group, members },
            'Another program is in the consumer group, and reads other topics: it is given nothing. Give it a group of its own',
          ),
        ),
      ],
      maxWaitTimeInMs: FETCH_WAIT_MS,
      maxBytes: FETCH_BYTES,
      metadataMaxAge: METADATA_MS,
      allowAutoTopicCreation: false,
      retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 8, restartOnFailure: async () => false },
    });
    this.#committer = new OffsetCommitter(
      this.#consumer,
      () => ours.all(),
      () => ours.epoch,
      (error) => {
        metrics.kafkaCommitFailures.inc({ group });
        logger.debug({ group, error }, 'An offset commit failed; a later one covers it');
      },
      steadyClock,
    );
    this.#pipeline = new DeliveryPipeline<Item>({
      maxRows: options.batchRows,
      maxBytes: options.batchBytes,
      maxAgeMs: options.batchMs,
      inFlight: options.inFlight,
      clock: steadyClock,
      deliver:
        options.exclusive === true
          ? (items) => this.#membership.underLease((lease) => this.#begun(deliver(items, lease)))
          : (items) => deliver(items, this.#membership.lease()),
      onDurable: () => {
        parts.onDurable();
        void this.#committer.commit();
      },
      onRetry: (error, attempt) => {
        // Partitions changed hands, which is no failure. `#begun` logs it where work had begun.
        if (error.code === 'cancelled') return;
        metrics.deliveryRetries.inc({ group });
        parts.storeOutage.failed(error, { group, attempt });
      },
      onHealed: () => parts.storeOutage.recovered({ group }),
      onStale: () => metrics.kafkaStaleStopped.inc({ group }),
    });
    this.#reader = new PartitionReader({
      options,
      membership: this.#membership,
      pipeline: this.#pipeline,
      stall: parts.stall,
      heartbeatMs,
      draining: () => this.#draining,
      beginAnew: (state, offset) => this.#beginAnew(state, offset),
      stop: (state, reason) => {
        parts.standstill.stop(this.#consumer, state, reason);
        parts.standstill.report(ours.stopped());
      },
    });
  }

  /** Runs work that has to have the partitions to itself. It ends early, with `cancelled`, when the feed is to stop. */
  exclusively<T>(work: (lease: PartitionLease) => Promise<T>): Promise<T> {
    return this.#membership.whileStaying(work);
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
      return `Deliveries have failed for ${Math.round((steadyClock() - failing.since) / 1000)} s: ${failing.error.message}`;
    return this.#parts.lag.notReady(lagLimitMs);
  }

  /** Passes over what retention has deleted before it was read. */
  skip(state: PartitionState, next: number): void {
    state.moveTo(next, steadyClock());
    this.#pipeline.skip(state, next);
  }

  /** Runs until the session ends by itself, or `signal` aborts and everything that was taken is durable and committed. */
  async run(signal: AbortSignal): Promise<SessionEnd> {
    const drain = () => void this.#drain();
    const watch = setInterval(() => this.#watch(), Math.min(1_000, this.#options.stuckMs / 4));
    signal.addEventListener('abort', drain, { once: true });
    try {
      this.#parts.stall.begin();
      this.#listen();
      // A client may hang from the beginning: then the watch ends the session.
      this.#consume().catch((thrown: unknown) => this.#crashed(thrown));
      if (signal.aborted) drain();
      return await this.#ended;
    } finally {
      signal.removeEventListener('abort', drain);
      clearInterval(watch);
      await this.#leave();
    }
  }

  async #consume(): Promise<void> {
    await this.#consumer.connect();
    // It may have hung until the session was over.
    if (this.#draining) return;
    await this.#consumer.subscribe({ topics: [...this.#options.topics], fromBeginning: true });
    // What is committed now is to be compared with what retention has left: kafkajs changes it when it begins.
    await this.#parts.lag.ask();
    if (this.#draining) return;
    this.#parts.stall.beginJoining();
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: this.#options.exclusive === true ? ALL_PARTITIONS : 1,
      eachBatch: (payload) => this.#reader.take(payload),
    });
  }

  #listen(): void {
    const { events } = this.#consumer;
    const { stall } = this.#parts;
    const { ours } = this.#membership;
    this.#membership.listen(this.#consumer);
    const turned = () => stall.turned();
    this.#consumer.on(events.FETCH, turned);
    this.#consumer.on(events.HEARTBEAT, turned);
    this.#consumer.on(events.REBALANCING, () => stall.joining());
    this.#consumer.on(events.START_BATCH_PROCESS, ({ payload: { topic, partition } }) => {
      const state = ours.get(topic, partition);
      if (state !== undefined) state.filtered = true;
    });
    this.#consumer.on(events.END_BATCH_PROCESS, ({ payload }) => {
      const state = ours.get(payload.topic, payload.partition);
      if (state?.filtered !== true) return;
      // It may be the first that is fetched of its partition.
      if (state.position === undefined) state.startAt(Number(payload.firstOffset));
      const next = Number(payload.lastOffset) + 1;
      if (next > state.position!) this.skip(state, next);
    });
    this.#consumer.on(events.GROUP_JOIN, (event) => {
      stall.joined();
      this.#onJoin(event);
    });
    this.#consumer.on(events.CRASH, ({ payload: { error } }) => this.#crashed(error));
  }

  /** Partitions that stay ours go on where they were, those that went elsewhere are let go. */
  #onJoin({ payload: { memberAssignment } }: ConsumerGroupJoinEvent): void {
    const { logger, metrics, groupId: group } = this.#options;
    const { standstill, lag, brokerOutage } = this.#parts;
    const { ours } = this.#membership;
    this.#joined = true;
    brokerOutage.recovered({ group });
    metrics.kafkaRebalances.inc({ group });
    const gone = ours.join(memberAssignment, (...of) => this.#newState(...of));
    this.#membership.joined();
    for (const state of gone) standstill.forget(this.#consumer, state);
    for (const state of ours.all()) {
      standstill.keep(this.#consumer, state);
      const { topic, partition, position } = state;
      // kafkajs would fetch from the committed offset, behind what has been taken here.
      if (position !== undefined) this.#consumer.seek({ topic, partition, offset: String(position) });
    }
    standstill.report(ours.stopped());
    lag.follow(() => ours.all());
    logger.info({ group, partitions: memberAssignment }, 'Joined the consumer group');
    void this.#committer.commit();
  }

  #newState(topic: string, partition: number, epoch: number): PartitionState {
    const guard = new PoisonGuard(this.#options.poison);
    return new PartitionState(topic, partition, epoch, guard, steadyClock());
  }

  /** What was taken of a partition is not in its log any more: offsets now name other messages. */
  #beginAnew({ topic, partition, epoch, position }: PartitionState, offset: number): PartitionState {
    const { logger, groupId: group } = this.#options;
    logger.warn(
      { group, topic, partition, read: position, first: offset },
      'A topic was created anew, or brokers lost what was read of it: its partition is read from its beginning',
    );
    const state = this.#newState(topic, partition, epoch);
    state.startAt(offset);
    this.#membership.ours.replace(state);
    return state;
  }

  #watch(): void {
    if (this.#draining) return;
    this.#watchJoining();
    const fault =
      this.#parts.stall.fault(this.#membership.ours.all()) ??
      this.#committer.fault(COMMIT_MS + this.#options.stuckMs);
    if (fault === undefined) return;
    this.#end({ kind: 'stuck', error: new PerennialError('unavailable', fault), joined: this.#joined });
  }

  /** A group may take minutes to give out its partitions; what waits for it through an outage of the brokers may wait for nothing. */
  #watchJoining(): void {
    const { stuckMs, brokerState } = this.#options;
    const away = this.#parts.stall.isJoining ? brokerState?.fault() : undefined;
    if (away === undefined) this.#awaySince = undefined;
    else this.#awaySince ??= steadyClock();
    if (this.#awaySince !== undefined && steadyClock() - this.#awaySince > stuckMs)
      this.#crashed(new PerennialError('unavailable', away!));
  }

  /** Counts and logs work that had begun and is given up because its partitions changed hands. */
  async #begun(work: Promise<void>): Promise<void> {
    const { metrics, logger, groupId: group } = this.#options;
    try {
      await work;
    } catch (thrown) {
      const { code, message: reason } = PerennialError.from(thrown);
      if (code === 'cancelled') {
        metrics.kafkaStaleStopped.inc({ group });
        logger.info({ group, reason }, 'A delivery was given up; trying again what is still ours');
      }
      throw thrown;
    }
  }

  #crashed(thrown: unknown): void {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    this.#end({ kind: 'crashed', error, joined: this.#joined });
  }

  async #drain(): Promise<void> {
    this.#draining = true;
    this.#membership.leaving();
    // The loop goes on for its heartbeats, but fetches nothing.
    if (this.#joined) this.#consumer.pause(this.#options.topics.map((topic) => ({ topic })));
    await this.#pipeline.drain();
    await this.#membership.settled();
    await this.#committer.commit();
    this.#end({ kind: 'drained' });
  }

  /** Leaves the group and lets go of everything, even when kafkajs hangs. */
  async #leave(): Promise<void> {
    this.#draining = true;
    this.#membership.silent();
    await this.#pipeline.stop();
    this.#membership.end();
    await Promise.race([
      this.#consumer.disconnect().catch(() => undefined),
      sleep(DISCONNECT_MS, undefined, { ref: false }),
    ]);
  }
}
