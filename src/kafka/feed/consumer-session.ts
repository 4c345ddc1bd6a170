import { setTimeout as sleep } from 'node:timers/promises';
import type { Consumer, ConsumerGroupJoinEvent, EachBatchPayload, KafkaMessage } from 'kafkajs';
import type { Millis } from '../../core/clock.js';
import { PerennialError } from '../../core/errors.js';
import { DeliveryPipeline } from './delivery-pipeline.js';
import type { FeedOptions } from './feed-options.js';
import { LagMonitor } from './lag-monitor.js';
import { OffsetCommitter } from './offset-committer.js';
import { PartitionState, partitionKey } from './partition-state.js';
import { PoisonGuard } from './poison-guard.js';
import type { SessionEnd } from './session-end.js';
import { REBALANCE_MS, StallWatch } from './stall-watch.js';

/** Messages taken between two heartbeats, and between two looks at whether the partition is still ours. */
const CHUNK = 500;
/** Handlers that may wait at once in an exclusive feed. */
const ALL_PARTITIONS = 1_000;
/** How long the broker holds back an answer when there is nothing to read; a loop turns at least this often. */
const FETCH_WAIT_MS = 500;
/** How long a client is given to let go; one that hangs never does, and the group waits for its session's time. */
const DISCONNECT_MS = 5_000;

export interface Assignment {
  readonly epoch: number;
  readonly partitions: readonly { readonly topic: string; readonly partition: number }[];
}

/** One consumer in the group, from joining to its end. `kafka-feed.ts` draws its states. */
export class ConsumerSession<Item> {
  readonly #options: FeedOptions<Item>;
  readonly #consumer: Consumer;
  readonly #pipeline: DeliveryPipeline<Item>;
  readonly #committer: OffsetCommitter;
  readonly #lag: LagMonitor;
  readonly #partitions = new Map<string, PartitionState>();
  readonly #heartbeatMs: Millis;
  #epoch = 0;
  #joined = false;
  #draining = false;
  readonly #stall: StallWatch;
  #end!: (end: SessionEnd) => void;
  readonly #ended = new Promise<SessionEnd>((resolve) => {
    this.#end = resolve;
  });

  constructor(options: FeedOptions<Item>, deliver: (items: readonly Item[]) => Promise<void>) {
    this.#options = options;
    this.#stall = new StallWatch(options.clock, options.stuckMs);
    this.#heartbeatMs = Math.min(3_000, options.sessionMs / 10);
    this.#consumer = options.kafka.consumer({
      groupId: options.groupId,
      sessionTimeout: options.sessionMs,
      rebalanceTimeout: REBALANCE_MS,
      heartbeatInterval: this.#heartbeatMs,
      maxWaitTimeInMs: FETCH_WAIT_MS,
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
        options.metrics.deliveryRetries.inc();
        options.logger.warn(
          { group: options.groupId, error, attempt },
          'A delivery to the store failed; trying again',
        );
      },
      onFatal: (error) => this.#finish({ kind: 'crashed', error, joined: this.#joined }),
      onStale: () => options.metrics.kafkaStaleStopped.inc(),
    });
    this.#committer = new OffsetCommitter(
      this.#consumer,
      () => this.#partitions.values(),
      () => this.#epoch,
      (error) => {
        options.metrics.kafkaCommitFailures.inc();
        options.logger.debug(
          { group: options.groupId, error },
          'An offset commit failed; a later one covers it',
        );
      },
    );
    this.#lag = new LagMonitor(options, () => this.#partitions.values());
  }

  /** The rebalance we are in, and the partitions that are ours in it. */
  get assignment(): Assignment {
    return { epoch: this.#epoch, partitions: [...this.#partitions.values()] };
  }

  /** Milliseconds since the loop last fetched, took messages, waited for room or sent a heartbeat. */
  get loopAgeMs(): Millis {
    return this.#stall.ageMs;
  }

  notReady(lagLimitMs: Millis): string | undefined {
    if (!this.#joined) return 'The consumer has not joined its group yet.';
    const stopped = [...this.#partitions.values()].filter((state) => state.stopped !== undefined);
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
      this.#epoch++;
    });
    this.#consumer.on(events.START_BATCH_PROCESS, ({ payload: { topic, partition } }) => {
      const state = this.#partitions.get(partitionKey(topic, partition));
      if (state !== undefined) state.filtered = true;
    });
    this.#consumer.on(events.END_BATCH_PROCESS, ({ payload: { topic, partition, lastOffset } }) => {
      const state = this.#partitions.get(partitionKey(topic, partition));
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

  /** Partitions that stay ours go on where they were, those that went elsewhere are retired. */
  #onJoin({ payload: { memberAssignment } }: ConsumerGroupJoinEvent): void {
    const { logger, metrics, poison } = this.#options;
    this.#epoch++;
    this.#joined = true;
    metrics.kafkaRebalances.inc();
    const before = new Map(this.#partitions);
    this.#partitions.clear();
    for (const [topic, partitions] of Object.entries(memberAssignment))
      for (const partition of partitions) {
        const key = partitionKey(topic, partition);
        const kept = before.get(key);
        before.delete(key);
        const state =
          kept ??
          new PartitionState(topic, partition, this.#epoch, new PoisonGuard(poison), this.#options.clock());
        state.epoch = this.#epoch;
        this.#partitions.set(key, state);
        // kafkajs would fetch from the committed offset, behind what is under way here.
        if (state.position !== undefined)
          this.#consumer.seek({ topic, partition, offset: String(state.position) });
      }
    for (const gone of before.values()) {
      this.#retire(gone);
      // A pause outlives the assignment in kafkajs.
      if (gone.stopped !== undefined)
        this.#consumer.resume([{ topic: gone.topic, partitions: [gone.partition] }]);
    }
    this.#countStopped();
    logger.info({ group: this.#options.groupId, partitions: memberAssignment }, 'Joined the consumer group');
    void this.#committer.commit();
  }

  #retire(state: PartitionState): void {
    state.retired = true;
    this.#lag.forget(state);
  }

  /** Takes what kafkajs fetched from one partition. Returns early, taking less, whenever it is no longer ours. */
  async #take({ batch, heartbeat, resolveOffset, isStale, isRunning }: EachBatchPayload): Promise<void> {
    const state = this.#partitions.get(partitionKey(batch.topic, batch.partition));
    if (state === undefined) return;
    state.filtered = false;
    if (state.stopped !== undefined) return;
    const epoch = this.#epoch;
    const { messages } = batch;
    const afterLast = Number(batch.lastOffset()) + 1;
    if (state.position === undefined) state.startAt(Number(messages[0]!.offset));
    state.endsAt(Number(batch.highWatermark), this.#options.clock());
    for (let at = 0; at < messages.length; at += CHUNK) {
      await this.#waitForRoom(heartbeat, () => this.#epoch !== epoch || this.#draining || !isRunning());
      if (this.#draining || !isRunning()) return;
      if (this.#epoch !== epoch || isStale()) {
        this.#options.metrics.kafkaStaleStopped.inc();
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
      if (state.stopped !== undefined) return;
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

  /** Reads one message and hands it on. False: it is one bad one too many, and the partition stops before it. */
  #takeOne(state: PartitionState, message: KafkaMessage, next: number): boolean {
    const { topic, partition } = state;
    const stamped = Number(message.timestamp);
    const receivedAt = stamped >= 0 ? stamped : this.#options.clock();
    const { item, rejected } = this.#options.read({
      topic,
      partition,
      offset: Number(message.offset),
      body: message.value ?? Buffer.alloc(0),
      headers: message.headers ?? {},
      receivedAt,
      original: message,
    });
    const fault = state.guard.see(rejected);
    if (fault !== undefined) {
      this.#stopPartition(state, fault, message.offset);
      return false;
    }
    this.#pipeline.add({ item, state, bytes: message.value?.length ?? 0, receivedAt }, next);
    state.moveTo(next, this.#options.clock());
    return true;
  }

  #stopPartition(state: PartitionState, fault: string, offset: string): void {
    const { topic, partition } = state;
    state.stopped = `${fault}, at offset ${offset}`;
    this.#consumer.pause([{ topic, partitions: [partition] }]);
    this.#countStopped();
    this.#options.logger.error(
      { group: this.#options.groupId, topic, partition, offset, reason: fault },
      'A partition was stopped: its producer sends what cannot be read. Fix the producer, or raise KAFKA_POISON_RUN and KAFKA_POISON_RATIO, then restart',
    );
  }

  #countStopped(): void {
    const stopped = [...this.#partitions.values()].filter((state) => state.stopped !== undefined);
    this.#options.metrics.kafkaPartitionsStopped.set(stopped.length);
  }

  async #waitForRoom(heartbeat: () => Promise<void>, leave: () => boolean): Promise<void> {
    if (this.#pipeline.hasRoom) return;
    const { kafkaPaused } = this.#options.metrics;
    kafkaPaused.set(1);
    try {
      while (!this.#pipeline.hasRoom && !leave()) {
        await this.#changeOrTick();
        this.#stall.waited();
        await heartbeat();
      }
    } finally {
      kafkaPaused.set(0);
    }
  }

  #watch(): void {
    this.#options.metrics.kafkaLoopAge.set(this.loopAgeMs / 1000);
    this.#lag.report();
    const fault = this.#draining ? undefined : this.#stall.fault(this.#partitions.values());
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
    this.#epoch++;
    this.#draining = true;
    await this.#pipeline.stop();
    for (const state of this.#partitions.values()) this.#retire(state);
    this.#options.metrics.kafkaPartitionsStopped.set(0);
    await Promise.race([
      Promise.allSettled([this.#consumer.disconnect(), this.#lag.stop()]),
      sleep(DISCONNECT_MS, undefined, { ref: false }),
    ]);
  }
}
