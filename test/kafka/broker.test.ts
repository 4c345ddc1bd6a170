import { expect, it, vi } from 'vitest';
import { untilLed } from '../../src/kafka/topic-admin.js';
import {
  describeWithKafka,
  describeWithOwnKafka,
  ownCluster,
  testClient,
  unique,
  useKafka,
} from '../support/kafka.js';

describeWithKafka('the broker that tests share', () => {
  const kafka = useKafka();

  it('keeps what is produced', async () => {
    const topic = unique('broker');
    await kafka.createTopic({ topic, numPartitions: 2 });
    await kafka.producer.send({ topic, messages: [{ key: 'a', value: '1' }] });
    const offsets = await kafka.admin.fetchTopicOffsets(topic);
    expect(offsets.map((partition) => Number(partition.high)).sort()).toEqual([0, 1]);
  });
});

describeWithOwnKafka('a cluster of three brokers', () => {
  it('keeps acknowledged messages when a broker is killed and comes back', async () => {
    const cluster = await ownCluster({ brokers: 3, proxied: true });
    const client = testClient(cluster.brokers);
    const admin = client.admin();
    const producer = client.producer();
    try {
      await Promise.all([admin.connect(), producer.connect()]);
      const topic = unique('replicated');
      await admin.createTopics({
        topics: [{ topic, numPartitions: 3, replicationFactor: 3 }],
        waitForLeaders: false,
      });
      await untilLed(admin, [topic]);
      // One partition a call: the client loses messages for several when a leader moves (src/kafka/confirmed-producer.ts).
      const send = async (value: string) => {
        for (const partition of [0, 1, 2]) await producer.send({ topic, messages: [{ partition, value }] });
      };
      await send('before');
      await cluster.kill(2);
      await send('while one is gone');
      cluster.proxies[0]!.cut();
      await cluster.revive(2);
      await send('after');
      // A new leader learns how far the others are with their next fetch.
      await vi.waitFor(
        async () => {
          for (const { high } of await admin.fetchTopicOffsets(topic))
            expect(Number(high)).toBeGreaterThanOrEqual(3);
        },
        { timeout: 20_000 },
      );
    } finally {
      await Promise.allSettled([producer.disconnect(), admin.disconnect()]);
      await cluster.stop();
    }
  });
});
