import { randomUUID } from 'node:crypto';
import { type Admin, type ITopicConfig, Kafka, logLevel, type Producer } from 'kafkajs';
import { afterAll, beforeAll, describe, inject } from 'vitest';
import { framedSocketFactory } from '../../src/kafka/framed-socket.js';
import { untilLed } from '../../src/kafka/topic-admin.js';
import { KafkaCluster, type KafkaClusterOptions } from './kafka-cluster.js';

const brokers = inject('kafkaBrokers');
const distribution = inject('kafkaDistribution');

/** A `describe` for tests against the broker that all share. Skipped, and said so at the end of the run, without one. */
export const describeWithKafka = describe.skipIf(brokers.length === 0);

/** A `describe` for tests that need a cluster of their own, to stop or cut it. */
export const describeWithOwnKafka = describe.skipIf(distribution.kind === 'none');

export const sharedBrokers: readonly string[] = brokers;

export async function ownCluster(options: KafkaClusterOptions = {}): Promise<KafkaCluster> {
  if (distribution.kind === 'none') throw new Error(distribution.why);
  return KafkaCluster.start(distribution, options);
}

/** A name that no other test uses: all share one broker. */
export const unique = (name: string) => `${name}-${randomUUID().slice(0, 8)}`;

/** A client for the test's own reading and writing, apart from the code under test. */
export function testClient(addresses: readonly string[] = brokers): Kafka {
  return new Kafka({
    clientId: 'test',
    socketFactory: framedSocketFactory,
    brokers: [...addresses],
    logLevel: logLevel.NOTHING,
    retry: { retries: 20, initialRetryTime: 50, maxRetryTime: 1000 },
  });
}

export interface KafkaHandle {
  readonly admin: Admin;
  readonly producer: Producer;
  createTopic(topic: ITopicConfig): Promise<void>;
}

/** Admin and producer on the shared broker, for the tests of one `describe`. */
export function useKafka(): KafkaHandle {
  const state: { admin?: Admin; producer?: Producer } = {};
  beforeAll(async () => {
    const client = testClient();
    state.admin = client.admin();
    // A request that is tried again must not count twice: tests count what they sent.
    state.producer = client.producer({ idempotent: true, maxInFlightRequests: 1 });
    await Promise.all([state.admin.connect(), state.producer.connect()]);
  });
  afterAll(async () => {
    await Promise.all([state.admin?.disconnect(), state.producer?.disconnect()]);
  });
  return {
    get admin() {
      return state.admin!;
    },
    get producer() {
      return state.producer!;
    },
    async createTopic(topic) {
      await state.admin!.createTopics({ topics: [topic], waitForLeaders: false });
      await untilLed(state.admin!, [topic.topic]);
    },
  };
}
