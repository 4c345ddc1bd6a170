import { setTimeout as sleep } from 'node:timers/promises';
import type { Consumer, ConsumerGroupJoinEvent, EachBatchPayload, KafkaMessage } from 'kafkajs';
import type { Millis } from '../../core/clock.js';
import { PerennialError } from '../../core/errors.js';
import { LIMITS } from '../../core/limits.js';
import { unreadableBatch } from '../compression/unreadable-batch.js';
import { DeliveryPipeline } from './delivery-pipeline.js';
import type { FeedOptions } from './feed-options.js';
import { incomingMessage } from './incoming-message.js';
import { LagMonitor } from './lag-monitor.js';
import { OffsetCommitter } from './offset-committer.js';
import { type Assignment, Ownership } from './ownership.js';
import { PartitionState, partitionKey } from './partition-state.js';
import { PoisonGuard } from './poison-guard.js';
import type { SessionEnd } from './session-end.js';
import { REBALANCE_MS, StallWatch } from './stall-watch.js';
import type { Standstill } from './standstill.js';

/** Messages taken between two heartbeats, and between two looks at whether the partition is still ours. */
const CHUNK = 500;
/** Handlers that may wait at once in an exclusive feed. */
const ALL_PARTITIONS = 1_000;
/** How long the broker holds back an answer when there is nothing to read; a loop turns at least this often. */
const FETCH_WAIT_MS = 500;
/** How long a client is given to let go; one that hangs never does, and the group waits for its session's time. */
const DISCONNECT_MS = 5_000;

/** One consumer in the group, from joining to its end. `kafka-feed.ts` draws its states. */
export class ConsumerSession<Item> {
  readonly #options: FeedOptions<Item>;
  readonly #consumer: Consumer;
  readonly #pipeline: DeliveryPipeline<Item>;
  readonly #committer: OffsetCommitter;
  readonly #lag: LagMonitor;
  readonly #ours = new Ownership();
  readonly #heartbeatMs: Millis;
  #joined = false;
  #draining = false;
  readonly #stall: StallWatch;
  readonly #standstill: Standstill;
  #end!: (end: SessionEnd) => void;
  readonly #ended = new Promise<SessionEnd>((resolve) => {
    this.#end = resolve;
  });

  constructor(
    options: FeedOptions<Item>,
    deliver: (items: readonly Item[]) => Promise<void>,
    standstill: Standstill,
  ) {
    this.#options = options;
    this.#standstill = standstill;
    const group = options.groupId;
    this.#stall = new StallWatch(options.clock, options.stuckMs);
    this.#heartbeatMs = Math.min(3_000, options.sessionMs / 10);
    this.#consumer = options.kafka.consumer({
      groupId: options.groupId,
      sessionTimeout: options.sessionMs,
      rebalanceTimeout: REBALANCE_MS,
      heartbeatInterval: this.#heartbeatMs,
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
      deliver,
      onDurable: () => void this.#committer.commit(),
      onRetry: (error, attempt) => {
        options.metrics.deliveryRetries.inc({ group });
        options.logger.warn(
          { group: options.groupId, error, attempt },
          'A delivery to the store failed; trying again',
        );
      },
      onFatal: (error) => this.#finish({ kind: 'crashed', error, joined: this.#joined }),
      onStale: () => options.metrics.kafkaStaleStopped.inc({ group }),
    });
    this.#committer = new OffsetCommitter(
      this.#consumer,
      () => this.#ours.all(),
      () => this.#ours.epoch,
      (error) => {
        options.metrics.kafkaCommitFailures.inc({ group });
        options.logger.debug(
          { group: options.groupId, error },
          'An offset commit failed; a later one covers it',
        );
      },
    );
    this.#lag = new LagMonitor(options, () => this.#ours.all());
  }

  /** The rebalance we are in, and the partitions that are ours in it. */
  get assignment(): Assignment {
    return this.#ours.assignment;
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
    const stopped = this.#ours.stopped();
    if (stopped.length > 0)
      return stopped
        .map((s) => `Partition ${partitionKey(s.topic, s.partition)} stands still: ${s.stopped}.`)
        .join(' ');
    const { failing } = this.#pipeline;
    if (failing !== undefined)
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
        eachBatch: (payload) => this.#take(payload),
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
    const turned = () => this.#stall.turned();
    this.#consumer.on(events.FETCH_START, turned);
    this.#consumer.on(events.FETCH, turned);
    this.#consumer.on(events.HEARTBEAT, turned);
    this.#consumer.on(events.REBALANCING, () => {
      this.#stall.joining();
      this.#ours.epoch++;
    });
    this.#consumer.on(events.START_BATCH_PROCESS, ({ payload: { topic, partition } }) => {
      const state = this.#ours.get(topic, partition);
      if (state !== undefined) state.filtered = true;
    });
    this.#consumer.on(events.END_BATCH_PROCESS, ({ payload: { topic, partition, lastOffset } }) => {
      const state = this.#ours.get(topic, partition);
      if (state?.filtered !== true) return;
      state.skipTo(Number(lastOffset) + 1, this.#options.clock());
      void this.#committer.commit();
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
    metrics.kafkaRebalances.inc({ group: groupId });
    const gone = this.#ours.join(
      memberAssignment,
      (topic, partition, epoch) =>
        new PartitionState(topic, partition, epoch, new PoisonGuard(poison), clock()),
    );
    for (const state of gone) {
      this.#lag.forget(state);
      this.#standstill.forget(this.#consumer, state);
    }
    for (const state of this.#ours.all()) {
      this.#standstill.keep(this.#consumer, state);
      const { topic, partition, position } = state;
      // kafkajs would fetch from the committed offset, behind what is under way here.
      if (position !== undefined) this.#consumer.seek({ topic, partition, offset: String(position) });
    }
    this.#standstill.report(this.#ours.stopped());
    logger.info({ group: groupId, partitions: memberAssignment }, 'Joined the consumer group');
    void this.#committer.commit();
  }

  /** Takes what kafkajs fetched from one partition. Returns early, taking less, whenever it is no longer ours. */
  async #take({ batch, heartbeat, resolveOffset, isStale, isRunning }: EachBatchPayload): Promise<void> {
    const state = this.#ours.get(batch.topic, batch.partition);
    if (state === undefined) return;
    state.filtered = false;
    if (state.stopped !== undefined) return;
    const epoch = this.#ours.epoch;
    const { messages } = batch;
    const afterLast = Number(batch.lastOffset()) + 1;
    const unreadable = unreadableBatch(messages[0]!);
    if (state.position === undefined) state.startAt(unreadable?.offset ?? Number(messages[0]!.offset));
    state.endsAt(Number(batch.highWatermark), this.#options.clock());
    for (let at = 0; at < messages.length; at += CHUNK) {
      await this.#waitForRoom(heartbeat, () => this.#ours.epoch !== epoch || this.#draining || !isRunning());
      if (this.#draining || !isRunning()) return;
      if (this.#ours.epoch !== epoch || isStale()) {
        this.#options.metrics.kafkaStaleStopped.inc({ group: this.#options.groupId });
        return;
      }
      // From here to resolveOffset nothing is awaited: messages are taken and resolved as one.
      const chunk = messages.slice(at, at + CHUNK);
      let last: string | undefined;
      for (const message of chunk) {
        const next = message === messages.at(-1) ? afterLast : Number(message.offset) + 1;
        if (!this.#takeOne(state, message, next)) break;
        last = message.offset;
      }
      if (last !== undefined) resolveOffset(last);
      if (state.stopped !== undefined) {
        this.#standstill.report(this.#ours.stopped());
        return;
      }
      this.#stall.turned();
      await heartbeat();
    }
    if (this.#options.exclusive === true) await this.#untilDurable(state, heartbeat);
  }

  /** Keeps the handler, and with it the next owner, waiting. A heartbeat that calls for a rebalance is heeded after. */
  async #untilDurable(state: PartitionState, heartbeat: () => Promise<void>): Promise<void> {
    let called: { readonly error: unknown } | undefined;
    while (state.durable !== state.position && !this.#draining) {
      if (called !== undefined && this.#pipeline.failing !== undefined) break;
      await this.#changeOrTick();
      this.#stall.waited();
      if (called === undefined)
        await heartbeat().catch((error: unknown) => {
          called = { error };
        });
    }
    if (called !== undefined) throw called.error;
  }

  async #changeOrTick(): Promise<void> {
    const pause = new AbortController();
    const tick = sleep(this.#heartbeatMs / 2, undefined, { signal: pause.signal }).catch(() => undefined);
    await Promise.race([this.#pipeline.change(), tick]);
    pause.abort();
  }

  /** Reads one message and hands it on. False: the partition stops before it. */
  #takeOne(state: PartitionState, message: KafkaMessage, next: number): boolean {
    const unreadable = unreadableBatch(message);
    if (unreadable !== undefined) {
      this.#standstill.stop(this.#consumer, state, 'unreadable', unreadable);
      return false;
    }
    const incoming = incomingMessage(state.topic, state.partition, message, this.#options.clock);
    const { item, rejected } = this.#options.read(incoming);
    const fault = state.guard.see(rejected);
    if (fault !== undefined) {
      const offset = Number(message.offset);
      this.#standstill.stop(this.#consumer, state, 'poisoned', { reason: fault, offset });
      return false;
    }
    const { body, receivedAt } = incoming;
    this.#pipeline.add({ item, state, bytes: body.length, receivedAt }, next);
    state.moveTo(next, this.#options.clock());
    return true;
  }

  async #waitForRoom(heartbeat: () => Promise<void>, leave: () => boolean): Promise<void> {
    if (this.#pipeline.hasRoom) return;
    const paused = this.#options.metrics.kafkaPaused.labels(this.#options.groupId);
    paused.set(1);
    try {
      while (!this.#pipeline.hasRoom && !leave()) {
        await this.#changeOrTick();
        this.#stall.waited();
        await heartbeat();
      }
    } finally {
      paused.set(0);
    }
  }

  #watch(): void {
    const { metrics, groupId } = this.#options;
    metrics.kafkaLoopAge.set({ group: groupId }, this.loopAgeMs / 1000);
    this.#lag.report();
    const fault = this.#draining ? undefined : this.#stall.fault(this.#ours.all());
    if (fault === undefined) return;
    const error = new PerennialError('unavailable', fault);
    this.#finish({ kind: 'stuck', error, joined: this.#joined });
  }

  #finish(end: SessionEnd): void {
    this.#end(end);
  }

  async #drain(): Promise<void> {
    this.#draining = true;
    // The loop goes on for its heartbeats, but fetches nothing.
    this.#consumer.pause(this.#options.topics.map((topic) => ({ topic })));
    await this.#pipeline.drain();
    await this.#committer.commit();
    this.#finish({ kind: 'drained' });
  }

  /** Leaves the group and lets go of everything, even when kafkajs hangs. */
  async #leave(): Promise<void> {
    this.#draining = true;
    await this.#pipeline.stop();
    for (const state of this.#ours.end()) this.#lag.forget(state);
    this.#standstill.report([]);
    await Promise.race([
      Promise.allSettled([this.#consumer.disconnect(), this.#lag.stop()]),
      sleep(DISCONNECT_MS, undefined, { ref: false }),
    ]);
  }
}
