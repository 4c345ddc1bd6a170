import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { ConfirmedProducer } from '../../../src/kafka/confirmed-producer.js';
import { partitionOf } from '../../../src/kafka/partition-of.js';
import { untilLed } from '../../../src/kafka/topic-admin.js';
import { committedOffsets, type RunningFeed, startFeed } from '../../support/feed.js';
import { describeWithOwnKafka, ownCluster, testClient, unique } from '../../support/kafka.js';
import type { KafkaCluster } from '../../support/kafka-cluster.js';
import { metricValue } from '../../support/metric-value.js';

const WAIT = { timeout: 90_000, interval: 100 };

describeWithOwnKafka('a feed and a producer on a cluster that breaks', () => {
  let cluster: KafkaCluster;
  const running: RunningFeed[] = [];
  beforeAll(async () => {
    cluster = await ownCluster({ brokers: 3, proxied: true });
  }, 120_000);
  afterEach(async () => {
    await Promise.allSettled(running.splice(0).map((feed) => feed.stop()));
  });
  afterAll(() => cluster?.stop());

  async function setUp(partitions: number) {
    const topic = unique('broken');
    const group = unique('group');
    const client = testClient(cluster.brokers);
    const admin = client.admin();
    await admin.connect();
    await admin.createTopics({
      topics: [{ topic, numPartitions: partitions, replicationFactor: 3 }],
      waitForLeaders: false,
    });
    await untilLed(admin, [topic]);
    const producer = new ConfirmedProducer(client);
    await producer.connect();
    const start = (overrides: Parameters<typeof startFeed>[2] = {}) => {
      const feed = startFeed(group, [topic], { brokers: cluster.brokers, ...overrides });
      running.push(feed);
      return feed;
    };
    const close = () => Promise.allSettled([producer.disconnect(), admin.disconnect()]);
    return { topic, group, admin, producer, start, close };
  }
  const messages = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => ({ key: `account-${from + i}`, value: String(from + i) }));
  const distinct = (feeds: readonly RunningFeed[]) =>
    new Set(feeds.flatMap(({ delivered }) => delivered.map(({ text }) => text))).size;

  /** The brokers stop answering without closing the connection, until the feed gives its session up. */
  async function freezeUntilStuck(feed: RunningFeed) {
    for (const proxy of cluster.proxies) proxy.freeze(true);
    await vi.waitFor(async () => {
      const { values } = await feed.metrics.kafkaSessions.get();
      expect(values.find(({ labels }) => labels.after === 'stuck')?.value).toBeGreaterThan(0);
    }, WAIT);
    for (const proxy of cluster.proxies) proxy.freeze(false);
  }

  it('misses no message when connections are cut in mid-stream, again and again', async () => {
    const { topic, group, admin, producer, start, close } = await setUp(6);
    const feed = start({ batchRows: 200 });
    for (let round = 0; round < 8; round++) {
      const sending = producer.send(topic, messages(round * 1_000, 1_000));
      cluster.proxies[round % 3]!.cut();
      await sending;
      cluster.proxies[(round + 1) % 3]!.cut();
    }
    await vi.waitFor(() => expect(distinct([feed])).toBe(8_000), WAIT);
    await feed.stop();
    const [ends, committed] = [
      await admin.fetchTopicOffsets(topic),
      await committedOffsets(admin, group, topic),
    ];
    for (const { partition, high } of ends) expect(committed[partition]).toBe(Number(high));
    await close();
  });

  it('misses no message, and confirms every one, when a broker is killed, another restarted, and both come back', async () => {
    const { topic, producer, start, close } = await setUp(6);
    const feed = start();
    await producer.send(topic, messages(0, 1_000));
    await cluster.kill(1);
    await producer.send(topic, messages(1_000, 1_000));
    await cluster.revive(1);
    await producer.send(topic, messages(2_000, 1_000));
    await cluster.restart(2);
    await producer.send(topic, messages(3_000, 1_000));
    await vi.waitFor(() => expect(distinct([feed])).toBe(4_000), WAIT);
    await close();
  }, 120_000);

  it('starts a new session when the brokers stop answering without closing the connection', async () => {
    const { topic, producer, start, close } = await setUp(3);
    const feed = start({ stuckMs: 3_000 });
    await producer.send(topic, messages(0, 10));
    await vi.waitFor(() => expect(distinct([feed])).toBe(10), WAIT);
    await freezeUntilStuck(feed);
    await producer.send(topic, messages(10, 10));
    await vi.waitFor(() => expect(distinct([feed])).toBe(20), WAIT);
    expect(await metricValue(feed.metrics.kafkaSessions)).toBeGreaterThan(1);
    await close();
  }, 120_000);

  // Bug: each new session looked at a stopped partition afresh, so that a broken producer was drained bit by bit.
  it('keeps a partition stopped for its poison when the session breaks and a new one begins', async () => {
    const { topic, group, admin, producer, start, close } = await setUp(2);
    const [broken, sound] = [0, 1].map(
      (wanted) => messages(0, 100).find(({ key }) => partitionOf(key, 2) === wanted)!.key,
    );
    const feed = start({ stuckMs: 3_000, poison: { ratio: 1, window: 1_000, run: 20 } });
    await producer.send(topic, Array(60).fill({ key: broken, value: 'bad' }));
    await vi.waitFor(async () => {
      expect(await metricValue(feed.metrics.kafkaPartitionsStopped)).toBe(1);
      expect((await committedOffsets(admin, group, topic))[0]).toBe(20);
    }, WAIT);
    await freezeUntilStuck(feed);
    await producer.send(topic, [{ key: sound!, value: 'after' }]);
    await vi.waitFor(() => expect(feed.delivered.at(-1)?.text).toBe('after'), WAIT);
    // The broker may first give the partition to the member that hung, until that one's time is up.
    await vi.waitFor(
      () => expect(feed.feed.notReady(60_000)).toMatch(/Partition .*\/0 stands still: .* at offset 20/),
      WAIT,
    );
    expect(Math.max(...feed.delivered.map(({ partition, offset }) => (partition === 0 ? offset : 0)))).toBe(
      19,
    );
    await close();
  }, 120_000);
});
