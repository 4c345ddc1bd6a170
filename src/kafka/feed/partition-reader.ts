import { setTimeout as sleep } from 'node:timers/promises';
import type { EachBatchPayload, KafkaMessage } from 'kafkajs';
import type { Millis } from '../../core/clock.js';
import { unreadableBatch } from '../compression/unreadable-batch.js';
import type { DeliveryPipeline } from './delivery-pipeline.js';
import type { FeedOptions, Read } from './feed-options.js';
import { type IncomingMessage, incomingMessage } from './incoming-message.js';
import type { Membership } from './membership.js';
import type { PartitionState } from './partition-state.js';
import type { StallWatch } from './stall-watch.js';
import type { StopReason } from './standstill.js';

/** Messages taken between two heartbeats, and between two looks at whether the partition is still ours. */
const CHUNK = 500;

/** What the reader needs of its session. */
export interface ReaderParts<Item> {
  readonly options: FeedOptions<Item>;
  readonly membership: Membership;
  readonly pipeline: DeliveryPipeline<Item>;
  readonly stall: StallWatch;
  readonly heartbeatMs: Millis;
  /** Whether nothing more is to be taken. */
  readonly draining: () => boolean;
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
  async take({ batch, heartbeat, resolveOffset, isStale, isRunning }: EachBatchPayload): Promise<void> {
    const { options, stall, draining } = this.#parts;
    const { ours } = this.#parts.membership;
    const state = ours.get(batch.topic, batch.partition);
    if (state === undefined) return;
    state.filtered = false;
    if (state.stopped !== undefined) return;
    const { epoch } = ours;
    const { messages } = batch;
    const afterLast = Number(batch.lastOffset()) + 1;
    const unreadable = unreadableBatch(messages[0]!);
    if (state.position === undefined) state.startAt(unreadable?.offset ?? Number(messages[0]!.offset));
    state.end = Math.max(state.end ?? 0, Number(batch.highWatermark));
    const left = () => draining() || !isRunning();
    for (let at = 0; at < messages.length; at += CHUNK) {
      await this.#waitForRoom(heartbeat, () => ours.epoch !== epoch || left());
      if (left()) return;
      if (ours.epoch !== epoch || isStale()) {
        options.metrics.kafkaStaleStopped.inc({ group: options.groupId });
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
      stall.turned();
      await this.#parts.membership.beat(heartbeat);
    }
    if (options.exclusive === true) await this.#untilDurable(state, heartbeat);
  }

  /**
   * Keeps the handler waiting, and with it the next owner: kafkajs joins anew only when its handlers have returned. Heartbeats go
   * on all the while. One that calls for a rebalance is heeded when the delivery is done, or has failed.
   */
  async #untilDurable(state: PartitionState, heartbeat: () => Promise<void>): Promise<void> {
    const { pipeline, stall, membership } = this.#parts;
    let called: { readonly error: unknown } | undefined;
    while (state.durable !== state.position) {
      if (pipeline.failing !== undefined && (called !== undefined || this.#parts.draining())) break;
      await this.#changeOrTick();
      stall.waited();
      called = await membership.beat(heartbeat).then(
        () => undefined,
        (error: unknown) => ({ error }),
      );
    }
    if (called !== undefined) throw called.error;
  }

  /** Reads one message and hands it on. False: the partition stops before it. */
  #takeOne(state: PartitionState, message: KafkaMessage, next: number): boolean {
    const { options, pipeline, stop } = this.#parts;
    const unreadable = unreadableBatch(message);
    if (unreadable !== undefined) {
      stop(state, { kind: 'unreadable', ...unreadable });
      return false;
    }
    const incoming = incomingMessage(state.topic, state.partition, message, options.clock);
    const read = this.#read(incoming);
    const reason = state.guard.see(read?.rejected ?? true);
    if (reason !== undefined) {
      stop(state, { kind: 'poisoned', reason, offset: Number(message.offset) });
      return false;
    }
    const { body, receivedAt } = incoming;
    state.moveTo(next, options.clock());
    if (read === undefined) pipeline.skip(state, next);
    else pipeline.add({ item: read.item, state, bytes: body.length, receivedAt }, next);
    return true;
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
