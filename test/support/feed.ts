import type { Admin } from 'kafkajs';
import { Kafka, logLevel } from 'kafkajs';
import { systemClock } from '../../src/core/clock.js';
import type { Deliver } from '../../src/kafka/feed/consumer-session.js';
import type { FeedOptions } from '../../src/kafka/feed/feed-options.js';
import type { IncomingMessage } from '../../src/kafka/feed/incoming-message.js';
import { KafkaFeed } from '../../src/kafka/feed/kafka-feed.js';
import { framedSocketFactory } from '../../src/kafka/framed-socket.js';
import { silentLogger } from '../../src/telemetry/log.js';
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.js';
import { sharedBrokers } from './kafka.js';

/** What the tests of the feed read: the message's place and its text; text "bad" is poison. */
export interface Seen {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly text: string;
}

export interface RunningFeed {
  readonly feed: KafkaFeed<Seen>;
  readonly metrics: Metrics;
  /** Every message handed to `deliver` that resolved, in order. */
  readonly delivered: Seen[];
  /** Every message read, delivered or not. */
  readonly read: { count: number };
  /** Resolves when the feed has stopped; rejects when it failed. */
  readonly done: Promise<void>;
  /** Asks it to finish, and waits. */
  stop(): Promise<void>;
}

type Overrides = Partial<FeedOptions<Seen>> & {
  readonly brokers?: readonly string[];
  readonly deliver?: Deliver<Seen>;
};

/** A feed of the shared broker with quick settings. */
export function startFeed(
  groupId: string,
  topics: readonly string[],
  overrides: Overrides = {},
): RunningFeed {
  const { brokers = sharedBrokers, deliver, ...options } = overrides;
  const metrics = createMetrics();
  const delivered: Seen[] = [];
  const read = { count: 0 };
  const feed = new KafkaFeed<Seen>({
    kafka: new Kafka({
      clientId: 'feed',
      socketFactory: framedSocketFactory,
      brokers: [...brokers],
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 8 },
    }),
    groupId,
    topics,
    read: (message) => {
      read.count++;
      return readSeen(message);
    },
    clock: systemClock,
    logger: silentLogger(),
    metrics,
    batchRows: 1_000,
    batchBytes: 1_000_000,
    batchMs: 20,
    inFlight: 2,
    sessionMs: 3_000,
    rebalanceMs: 30_000,
    stuckMs: 5_000,
    poison: { ratio: 1, window: 1_000, run: 1_000 },
    ...options,
  });
  const stopping = new AbortController();
  const done = feed.run(async (items, lease) => {
    await deliver?.(items, lease);
    delivered.push(...items);
  }, stopping.signal);
  // A test that looks at the failure awaits `done` itself.
  done.catch(() => undefined);
  return {
    feed,
    metrics,
    delivered,
    read,
    done,
    async stop() {
      stopping.abort();
      await done;
    },
  };
}

function readSeen({ topic, partition, offset, body }: IncomingMessage) {
  const text = Buffer.from(body).toString();
  return { item: { topic, partition, offset, text }, rejected: text === 'bad' };
}

/** Committed offsets by partition; -1 where nothing was committed. */
export async function committedOffsets(admin: Admin, groupId: string, topic: string): Promise<number[]> {
  const [found] = await admin.fetchOffsets({ groupId, topics: [topic] });
  const offsets: number[] = [];
  for (const { partition, offset } of found?.partitions ?? []) offsets[partition] = Number(offset);
  return offsets;
}
