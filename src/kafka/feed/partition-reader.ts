import { setTimeout as sleep } from 'node:timers/promises';
import type { EachBatchPayload, KafkaMessage } from 'kafkajs';
import { type Millis, steadyClock } from '../../core/clock.js';
import type { FetchedBatch } from '../records/fetch-response.js';
import type { RecordBatch } from '../records/record-batch.js';
import { DamagedRecords, RecordCursor } from '../records/record-cursor.js';
import type { DeliveryPipeline } from './delivery-pipeline.js';
import type { FeedOptions, Read } from './feed-options.js';
import { type IncomingMessage, incomingMessage, oldMessage } from './incoming-message.js';
import type { Membership } from './membership.js';
import type { PartitionState } from './partition-state.js';
import type { StallWatch } from './stall-watch.js';
import type { StopReason } from './standstill.js';

/** Messages taken between two heartbeats, and between two looks at whether the partition is still ours. */
const CHUNK = 500;

/** What kafkajs's batches have beside what its types say. */
interface Fetched {
  /** The offset that was asked for. */
  readonly fetchedOffset: string;
}

/** What the reader needs of its session. */
export interface ReaderParts<Item> {
  readonly options: FeedOptions<Item>;
  readonly membership: Membership;
  readonly pipeline: DeliveryPipeline<Item>;
  readonly stall: StallWatch;
  readonly heartbeatMs: Millis;
  /** Whether nothing more is to be taken. */
  readonly draining: () => boolean;
  /** A partition is read from an offset before what was taken of it; returns its new state. */
  readonly beginAnew: (state: PartitionState, offset: number) => PartitionState;
  /** A partition can't be read on. */
  readonly stop: (state: PartitionState, reason: StopReason) => void;
}

/** Hands what kafkajs fetched of a partition to the pipeline, message by message, and waits where it has to. */
export class PartitionReader<Item> {
  readonly #parts: ReaderParts<Item>;

  constructor(parts: ReaderParts<Item>) {
    this.#parts = parts;
  }

  /** Takes what kafkajs fetched from one partition. Returns early, taking less, whenever it is no longer ours. */
  async take(payload: EachBatchPayload): Promise<void> {
    const { batch, heartbeat, resolveOffset } = payload;
    const { options, stall, membership } = this.#parts;
    const known = membership.ours.get(batch.topic, batch.partition);
    if (known === undefined) return;
    known.filtered = false;
    if (known.stopped !== undefined) return;
    const asked = Number((batch as unknown as Fetched).fetchedOffset);
    // kafkajs goes back by itself when an offset is behind the end: the topic was created anew, or brokers lost its end.
    const state = asked < (known.position ?? 0) ? this.#parts.beginAnew(known, asked) : known;
    state.end = Math.max(state.end ?? 0, Number(batch.highWatermark));
    const { epoch } = membership.ours;
    // A batch comes as a whole, also where the group stands in the middle of it.
    if (state.position === undefined) state.startAt(asked);
    const steps = this.#stepsOf(state, batch.messages as readonly (KafkaMessage | FetchedBatch)[]);
    for (;;) {
      await this.#waitForRoom(heartbeat, () => membership.ours.epoch !== epoch || this.#left(payload));
      if (this.#left(payload)) return;
      if (membership.ours.epoch !== epoch || payload.isStale()) {
        options.metrics.kafkaStaleStopped.inc({ group: options.groupId });
        return;
      }
      // Until resolveOffset nothing is awaited: messages are taken and resolved as one.
      const { done } = steps.next();
      if (state.position !== undefined) resolveOffset(String(state.position - 1));
      if (state.stopped !== undefined) return;
      stall.turned();
      if (done === true) break;
      await membership.beat(heartbeat);
    }
    this.#skipTo(state, Number(batch.lastOffset()) + 1);
    await membership.beat(heartbeat);
    if (options.exclusive === true) await this.#untilDurable(state, heartbeat);
  }

  #left({ isRunning }: EachBatchPayload): boolean {
    return this.#parts.draining() || !isRunning();
  }

  /** Takes the messages, and comes up for air after so many of them. Ends early where the partition stops. */
  *#stepsOf(state: PartitionState, fetched: readonly (KafkaMessage | FetchedBatch)[]): Generator<void, void> {
    for (const one of fetched) {
      if ('batch' in one) yield* this.#takeBatch(state, one.batch);
      else {
        const { topic, partition } = state;
        this.#takeOne(state, oldMessage(topic, partition, one, this.#parts.options.clock));
        yield;
      }
      if (state.stopped !== undefined) return;
    }
  }

  *#takeBatch(state: PartitionState, batch: RecordBatch): Generator<void, void> {
    const { lastOffset } = batch.header;
    if (lastOffset < state.position!) return;
    if (batch.unreadable !== undefined) {
      this.#parts.stop(state, { kind: 'unreadable', ...batch.unreadable });
      return;
    }
    const { topic, partition } = state;
    const cursor = new RecordCursor(batch);
    let taken = 0;
    while (this.#step(state, batch, cursor)) {
      if (cursor.offset < state.position!) continue;
      let message: IncomingMessage;
      try {
        message = incomingMessage(topic, partition, cursor, this.#parts.options.clock);
      } catch (error) {
        this.#damaged(state, batch, error);
        return;
      }
      this.#takeOne(state, message);
      if (state.stopped !== undefined) return;
      if (++taken % CHUNK === 0) yield;
    }
    if (state.stopped !== undefined) return;
    // What compaction has left out at its end.
    this.#skipTo(state, lastOffset + 1);
  }

  /** kafkajs leaves out markers and aborted transactions behind the last message, and goes on behind them by itself. */
  #skipTo(state: PartitionState, next: number): void {
    if (state.position! >= next) return;
    state.moveTo(next, steadyClock());
    this.#parts.pipeline.skip(state, next);
  }

  /** False: there is no further record, or the partition stops. */
  #step(state: PartitionState, batch: RecordBatch, cursor: RecordCursor): boolean {
    try {
      return cursor.next();
    } catch (error) {
      this.#damaged(state, batch, error);
      return false;
    }
  }

  #damaged(state: PartitionState, { header }: RecordBatch, error: unknown): void {
    if (!(error instanceof DamagedRecords)) throw error;
    const nextOffset = header.lastOffset + 1;
    const reason = `a batch can't be read: ${error.message}`;
    this.#parts.stop(state, { kind: 'unreadable', reason, offset: state.position!, nextOffset });
  }

  /** Reads one message and hands it on, or stops the partition before it. */
  #takeOne(state: PartitionState, message: IncomingMessage): void {
    const { pipeline, stop } = this.#parts;
    const { offset, bodyStart, bodyEnd, receivedAt } = message;
    const read = this.#read(message);
    const reason = state.guard.see(read?.rejected ?? true);
    if (reason !== undefined) {
      stop(state, { kind: 'poisoned', reason, offset });
      return;
    }
    state.moveTo(offset + 1, steadyClock());
    if (read === undefined) pipeline.skip(state, offset + 1);
    else pipeline.add(read.item, state, offset + 1, bodyEnd - bodyStart, receivedAt);
  }

  /** `read` never throws. Should it all the same, one message is passed over, rather than every message after it. */
  #read(message: IncomingMessage): Read<Item> | undefined {
    const { options } = this.#parts;
    try {
      return options.read(message);
    } catch (error) {
      const { topic, partition, offset } = message;
      const { groupId: group, logger, metrics } = options;
      metrics.unreadMessages.inc({ group });
      logger.error(
        { group, topic, partition, offset, error },
        'A message could not be read, and was passed over',
      );
      return undefined;
    }
  }

  /**
   * Keeps the handler waiting, and with it the next owner: kafkajs joins anew only when its handlers have returned. Heartbeats go
   * on all the while. One that calls for a rebalance is heeded when the delivery is done, or has failed.
   *
   * kafkajs may also give up joining anew after we have given up the partitions for it, as when another broker's fetch found that a
   * leader had moved while a delivery was at work. Then the heartbeats of before go on, no delivery may, and we call for the rebalance.
   */
  async #untilDurable(state: PartitionState, heartbeat: () => Promise<void>): Promise<void> {
    const { pipeline, stall, membership } = this.#parts;
    let called: { readonly error: unknown } | undefined;
    // Not for what the end of the session has left: a handler that stays keeps a dead member in the group by its heartbeats.
    while (state.durable !== state.position && !pipeline.isOver) {
      if (membership.overdueMs > this.#parts.options.sessionMs) called ??= { error: new JoinAnew() };
      if (pipeline.hasFailed && (called !== undefined || this.#parts.draining())) break;
      await this.#changeOrTick();
      stall.waited();
      called = await membership.beat(heartbeat).then(
        () => undefined,
        (error: unknown) => ({ error }),
      );
    }
    if (called !== undefined) throw called.error;
  }

  async #waitForRoom(heartbeat: () => Promise<void>, leave: () => boolean): Promise<void> {
    const { options, pipeline, stall, membership } = this.#parts;
    if (pipeline.hasRoom) return;
    const paused = options.metrics.kafkaPaused.labels(options.groupId);
    paused.set(1);
    try {
      while (!pipeline.hasRoom && !leave()) {
        await this.#changeOrTick();
        stall.waited();
        await membership.beat(heartbeat);
      }
    } finally {
      paused.set(0);
    }
  }

  async #changeOrTick(): Promise<void> {
    const { pipeline, heartbeatMs } = this.#parts;
    const pause = new AbortController();
    const tick = sleep(heartbeatMs / 2, undefined, { signal: pause.signal }).catch(() => undefined);
    await Promise.race([pipeline.change(), tick]);
    pause.abort();
  }
}

/** By its type kafkajs takes it for the broker's answer of that name, and joins. */
class JoinAnew extends Error {
  override readonly name = 'JoinAnew';
  readonly type = 'REBALANCE_IN_PROGRESS';
  readonly retriable = true;

  constructor() {
    super('The partitions were given up, and the consumer has not joined anew.');
  }
}
