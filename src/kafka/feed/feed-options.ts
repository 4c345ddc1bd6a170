import type { Kafka } from 'kafkajs';
import type { Clock, Millis } from '../../core/clock.js';
import type { Logger } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import type { IncomingMessage } from './incoming-message.js';
import type { PoisonLimits } from './poison-guard.js';

/** What a message became, and whether it counts as poison. */
export interface Read<Item> {
  readonly item: Item;
  readonly rejected: boolean;
}

/** Whether brokers answer: `kafka/broker-watch.ts` asks them. */
export interface BrokerState {
  /** Why none does; undefined while one does. */
  fault(): string | undefined;
  /** For how long one has answered without a fault. */
  readonly answeringMs: Millis;
}

export interface FeedOptions<Item> {
  readonly kafka: Kafka;
  readonly groupId: string;
  readonly topics: readonly string[];
  /** Reads one message. Pure; never throws. */
  readonly read: (message: IncomingMessage) => Read<Item>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Most messages of one delivery. */
  readonly batchRows: number;
  /** Most bytes of one delivery. */
  readonly batchBytes: number;
  /** Longest time a message waits for others. */
  readonly batchMs: Millis;
  /** Deliveries in progress at once. */
  readonly inFlight: number;
  /** Without a heartbeat for this long, the group gives the partitions to others. */
  readonly sessionMs: Millis;
  /** So long the group waits for members that are at work before it gives their partitions to others. */
  readonly rebalanceMs: Millis;
  /** Without a turn of the loop for this long, the session counts as stuck and a new one is started. */
  readonly stuckMs: Millis;
  readonly poison: PoisonLimits;
  /** Whether brokers answer at all. @default they do */
  readonly brokerState?: BrokerState;
  /**
   * Nothing more is read of a partition until what was read of it is delivered, so that its next owner can't begin while
   * this one is still at work; the group waits for that when it rebalances. Slower; for work that is not idempotent.
   * @default false
   */
  readonly exclusive?: boolean;
}
