import { afterEach, expect, it, onTestFailed, vi } from 'vitest';
import { committedOffsets, type RunningFeed, startFeed } from '../../support/feed.js';
import { describeWithKafka, testClient, unique, useKafka } from '../../support/kafka.js';
import { metricValue } from '../../support/metric-value.js';

const WAIT = { timeout: 60_000, interval: 50 };

describeWithKafka('a topic that is changed under a feed', () => {
  const kafka = useKafka();
  const running: RunningFeed[] = [];
  afterEach(async () => {
    await Promise.allSettled(running.splice(0).map((feed) => feed.stop()));
  });
  const start: typeof startFeed = (...args) => {
    const feed = startFeed(...args);
    running.push(feed);
    // Failed once in many runs, and did not say of what: the feed knows more than what it has delivered.
    onTestFailed(async () => {
      const end = await Promise.race([feed.done.then(() => 'stopped', String), 'runs']);
      const metrics = (await feed.metrics.registry.metrics()).match(/^perennial_kafka_.*/gm);
      console.log(end, feed.delivered, metrics);
    });
    return feed;
  };
  const send = (topic: string, values: readonly string[], partition = 0) =>
    kafka.producer.send({ topic, messages: values.map((value) => ({ value, partition })) });
  const recreate = async (topic: string, numPartitions: number) => {
    await kafka.admin.deleteTopics({ topics: [topic] });
    await vi.waitFor(() => kafka.createTopic({ topic, numPartitions }), WAIT);
  };
  /** A feed reads what is in the topic, and what comes next, and commits its end. */
  const readsOn = async (topic: string, group: string) => {
    const feed = start(group, [topic]);
    await vi.waitFor(() => expect(texts(feed)).toEqual(['f', 'g']), WAIT);
    await send(topic, ['h']);
    await vi.waitFor(() => expect(texts(feed)).toEqual(['f', 'g', 'h']), WAIT);
    await vi.waitFor(
      async () => expect(await committedOffsets(kafka.admin, group, topic)).toEqual([3]),
      WAIT,
    );
  };
  const texts = (feed: RunningFeed) => feed.delivered.map(({ text }) => text);

  // Bug: offsets named other messages from then on, and those below the old offset were passed over without a word.
  it('is read from its beginning when it was made anew while the feed runs', async () => {
    const topic = unique('anew');
    await kafka.createTopic({ topic, numPartitions: 2 });
    const group = unique('group');
    const feed = start(group, [topic]);
    await send(topic, ['a', 'b', 'c', 'd', 'e']);
    await vi.waitFor(() => expect(texts(feed)).toHaveLength(5), WAIT);
    await vi.waitFor(
      async () => expect(await committedOffsets(kafka.admin, group, topic)).toContain(5),
      WAIT,
    );
    await recreate(topic, 1);
    await vi.waitFor(() => send(topic, ['f', 'g']), WAIT);
    await vi.waitFor(() => expect(texts(feed).slice(5)).toEqual(['f', 'g']), WAIT);
    await vi.waitFor(
      async () => expect(await committedOffsets(kafka.admin, group, topic)).toEqual([2]),
      WAIT,
    );
  });

  it('is read from its beginning when it was made anew while no feed ran', async () => {
    const topic = unique('anew');
    await kafka.createTopic({ topic, numPartitions: 1 });
    const group = unique('group');
    const feed = start(group, [topic]);
    await send(topic, ['a', 'b', 'c', 'd', 'e']);
    await vi.waitFor(
      async () => expect(await committedOffsets(kafka.admin, group, topic)).toEqual([5]),
      WAIT,
    );
    await feed.stop();
    await recreate(topic, 1);
    await vi.waitFor(() => send(topic, ['f', 'g']), WAIT);
    await readsOn(topic, group);
  });

  // Bug: the same, as after brokers have lost the end of a partition, or another cluster took the place of one.
  it('is read from its beginning when its end is before what the group committed', async () => {
    const topic = unique('anew');
    await kafka.createTopic({ topic, numPartitions: 1 });
    const group = unique('group');
    await send(topic, ['f', 'g']);
    await kafka.admin.setOffsets({ groupId: group, topic, partitions: [{ partition: 0, offset: '5' }] });
    await readsOn(topic, group);
  });

  // Bug: they were found when kafkajs next asked, five minutes later, and had no lag until then.
  it('has partitions that were added read, too', async () => {
    const topic = unique('more');
    await kafka.createTopic({ topic, numPartitions: 1 });
    const group = unique('group');
    const feed = start(group, [topic]);
    await send(topic, ['a']);
    await vi.waitFor(() => expect(texts(feed)).toHaveLength(1), WAIT);
    await kafka.admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] });
    const producer = testClient().producer();
    await producer.connect();
    await vi.waitFor(async () => {
      const sent = await producer.send({ topic, messages: [{ value: 'b', partition: 2 }] });
      expect(sent).toHaveLength(1);
    }, WAIT);
    await producer.disconnect();
    await vi.waitFor(() => expect(texts(feed)).toEqual(['a', 'b']), WAIT);
    expect(await metricValue(feed.metrics.kafkaLagOffsets)).toBe(0);
  });
});
