import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { type Admin, CompressionTypes, type Producer } from 'kafkajs';
import { afterAll, afterEach, beforeAll, expect, inject, it, vi } from 'vitest';
import { LIMITS } from '../../../src/core/limits.js';
import { untilLed } from '../../../src/kafka/topic-admin.js';
import { createLogger } from '../../../src/telemetry/log.js';
import { committedOffsets, type RunningFeed, startFeed } from '../../support/feed.js';
import { produceWithJava } from '../../support/java-producer.js';
import {
  describeWithKafka,
  describeWithOwnKafka,
  ownCluster,
  testClient,
  unique,
  useKafka,
} from '../../support/kafka.js';
import type { KafkaCluster } from '../../support/kafka-cluster.js';
import { metricValue } from '../../support/metric-value.js';
import { messages } from '../compression/fixtures.js';

const WAIT = { timeout: 90_000, interval: 50 };

const running: RunningFeed[] = [];
afterEach(async () => {
  await Promise.allSettled(running.splice(0).map((feed) => feed.stop()));
});
const start: typeof startFeed = (...args) => {
  const feed = startFeed(...args);
  running.push(feed);
  return feed;
};
/** Some messages may come twice, after a session that had to begin anew. */
const delivered = (feed: RunningFeed, partition = 0) => [
  ...new Map(
    feed.delivered.filter((seen) => seen.partition === partition).map(({ offset, text }) => [offset, text]),
  ).values(),
];

describeWithKafka('compressed messages', () => {
  const kafka = useKafka();

  // A batch of Java's own size, and batches of many blocks and frames; a message that fills several blocks alone.
  const large = messages.join('').slice(0, 200_000);
  const lines = [...messages, large, ...messages.toReversed(), ...messages];

  const withJava = it.skipIf(inject('kafkaDistribution').kind === 'none');
  withJava.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'])(
    'of the Java producer in %s are read, all and in order, from wherever the group stands',
    async (codec) => {
      const topic = unique(codec);
      await kafka.createTopic({ topic, numPartitions: 1 });
      await produceWithJava(topic, lines, { codec, batchBytes: 16_384 });
      await produceWithJava(topic, lines, { codec, batchBytes: 1_000_000 });
      const all = start(unique('group'), [topic]);
      // In the middle of a batch of the first kind, and of one of the second.
      const within = unique('group');
      await kafka.admin.setOffsets({ groupId: within, topic, partitions: [{ partition: 0, offset: '77' }] });
      const rest = start(within, [topic]);
      await vi.waitFor(() => expect(delivered(all)).toHaveLength(2 * lines.length), WAIT);
      expect(delivered(all)).toEqual([...lines, ...lines]);
      await vi.waitFor(() => expect(delivered(rest)).toHaveLength(2 * lines.length - 77), WAIT);
      expect(delivered(rest)).toEqual([...lines, ...lines].slice(77));
    },
  );

  withJava(
    'are read, all and in order, when there are more in one batch than kafkajs could pass on',
    async () => {
      const topic = unique('crowd');
      await kafka.createTopic({ topic, numPartitions: 1 });
      const lines = Array.from({ length: 130_000 }, (_, i) => i.toString(36));
      await produceWithJava(topic, lines, { codec: 'zstd', batchBytes: 4_000_000 });
      const feed = start(unique('group'), [topic]);
      await vi.waitFor(() => expect(delivered(feed)).toHaveLength(lines.length), WAIT);
      expect(delivered(feed)).toEqual(lines);
    },
  );

  it('that unpack to more than is allowed stop their partition, and no other', async () => {
    const topic = unique('bomb');
    await kafka.createTopic({ topic, numPartitions: 2 });
    const send = (partition: number, ...values: (string | Buffer)[]) =>
      kafka.producer.send({
        topic,
        compression: CompressionTypes.GZIP,
        messages: values.map((value) => ({ partition, value })),
      });
    await send(0, 'before');
    await send(0, Buffer.alloc(LIMITS.kafkaUnpackedBytes));
    await send(0, 'after');
    await send(1, 'beside');
    const feed = start(unique('group'), [topic]);
    await vi.waitFor(() => expect(feed.feed.notReady(60_000)).toContain('more than is allowed'), WAIT);
    await vi.waitFor(() => expect(delivered(feed, 1)).toContain('beside'), WAIT);
    expect(delivered(feed)).toContain('before');
    expect(delivered(feed)).not.toContain('after');
  });
});

describeWithOwnKafka('a compressed batch that is damaged on the disk of its broker', () => {
  let cluster: KafkaCluster;
  let admin: Admin;
  let producer: Producer;
  beforeAll(async () => {
    cluster = await ownCluster();
    const client = testClient(cluster.brokers);
    admin = client.admin();
    // A message that came twice would lie at another offset than the tests expect.
    producer = client.producer({ idempotent: true, maxInFlightRequests: 1 });
    await Promise.all([admin.connect(), producer.connect()]);
  });
  afterAll(async () => {
    await Promise.all([admin?.disconnect(), producer?.disconnect()]);
    await cluster?.stop();
  });

  const texts = (batch: number) => Array.from({ length: 50 }, (_, i) => `message ${batch}/${i}`);

  /** A topic of two partitions; the first has three batches of fifty messages, and the second of them is damaged. */
  async function damagedTopic() {
    const topic = unique('damaged');
    await admin.createTopics({ topics: [{ topic, numPartitions: 2 }], waitForLeaders: false });
    await untilLed(admin, [topic]);
    const send = (partition: number, values: readonly string[]) =>
      producer.send({
        topic,
        compression: CompressionTypes.GZIP,
        messages: values.map((value) => ({ partition, value })),
      });
    for (const batch of [0, 1, 2]) await send(0, texts(batch));
    await send(1, ['beside']);
    const segment = cluster.segmentOf(topic, 0);
    const bytes = readFileSync(segment);
    // A batch begins with its offset and the length of what follows; a hundred bytes on, it is among packed records.
    const at = 12 + bytes.readInt32BE(8) + 100;
    const write = (byte: number) => {
      const file = openSync(segment, 'r+');
      writeSync(file, Buffer.from([byte]), 0, 1, at);
      closeSync(file);
    };
    write(bytes[at]! ^ 0x10);
    return { topic, repair: () => write(bytes[at]!) };
  }

  it('stops its partition and no other, says where and why, and is read once it is repaired', async () => {
    const { topic, repair } = await damagedTopic();
    const group = unique('group');
    const log: Record<string, unknown>[] = [];
    const logger = createLogger('error', { write: (line) => log.push(JSON.parse(line)) });
    const feed = start(group, [topic], { brokers: cluster.brokers, logger });
    const why = "a batch in gzip can't be read: its checksum does not match";
    await vi.waitFor(
      () =>
        expect(feed.feed.notReady(60_000)).toBe(`Partition ${topic}/0 stands still: ${why}, at offset 50.`),
      WAIT,
    );
    expect(log).toEqual([
      expect.objectContaining({ topic, partition: 0, offset: 50, nextOffset: 100, reason: why }),
    ]);
    expect(log[0]!.msg).toContain('docs/operations.md');
    expect(await metricValue(feed.metrics.kafkaPartitionsStopped)).toBe(1);
    await producer.send({ topic, messages: [{ partition: 1, value: 'beside, later' }] });
    await vi.waitFor(() => expect(delivered(feed, 1)).toEqual(['beside', 'beside, later']), WAIT);
    expect(delivered(feed)).toEqual(texts(0));
    await feed.stop();
    expect(await committedOffsets(admin, group, topic)).toEqual([50, 2]);

    repair();
    const next = start(group, [topic], { brokers: cluster.brokers });
    await vi.waitFor(() => expect(delivered(next)).toEqual([...texts(1), ...texts(2)]), WAIT);
  });

  it('is not passed over when the group stands in the middle of it, only when its offset is set behind it', async () => {
    const { topic } = await damagedTopic();
    const groupId = unique('group');
    const standAt = (offset: number) =>
      admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: String(offset) }] });
    await standAt(75);
    const feed = start(groupId, [topic], { brokers: cluster.brokers });
    await vi.waitFor(() => expect(feed.feed.notReady(60_000)).toContain('its checksum'), WAIT);
    await feed.stop();
    expect(delivered(feed)).toEqual([]);
    expect((await committedOffsets(admin, groupId, topic))[0]).toBe(75);

    await standAt(100);
    const next = start(groupId, [topic], { brokers: cluster.brokers });
    await vi.waitFor(() => expect(delivered(next)).toEqual(texts(2)), WAIT);
  });
});
