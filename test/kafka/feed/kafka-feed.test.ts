import { afterEach, expect, it, vi } from 'vitest';
import { PerennialError } from '../../../src/core/errors.js';
import { createLogger } from '../../../src/telemetry/log.js';
import { committedOffsets, type RunningFeed, type Seen, startFeed } from '../../support/feed.js';
import { describeWithKafka, testClient, unique, useKafka } from '../../support/kafka.js';
import { metricValue } from '../../support/metric-value.js';

const WAIT = { timeout: 90_000, interval: 50 };

describeWithKafka('a feed of messages from Kafka', () => {
  const kafka = useKafka();
  const running: RunningFeed[] = [];
  afterEach(async () => {
    await Promise.allSettled(running.splice(0).map((feed) => feed.stop()));
  });
  const start: typeof startFeed = (...args) => {
    const feed = startFeed(...args);
    running.push(feed);
    return feed;
  };

  async function topicWith(texts: readonly (readonly string[])[]): Promise<string> {
    const topic = unique('feed');
    await kafka.createTopic({ topic, numPartitions: texts.length });
    await append(topic, texts);
    return topic;
  }
  async function append(topic: string, texts: readonly (readonly string[])[]): Promise<void> {
    const messages = texts.flatMap((values, partition) => values.map((value) => ({ partition, value })));
    await kafka.producer.send({ topic, messages });
  }
  const numbered = (count: number, prefix = '') => Array.from({ length: count }, (_, i) => `${prefix}${i}`);
  const texts = (seen: readonly Seen[], partition: number) =>
    seen.filter((message) => message.partition === partition).map(({ text }) => text);

  it('delivers every message of every partition in order, and commits their end', async () => {
    const topic = await topicWith([numbered(1_500), numbered(700), []]);
    const group = unique('group');
    const feed = start(group, [topic]);
    // A busy machine may make the session end and begin anew: then some messages come twice, in order again.
    const first = (partition: number) => [...new Set(texts(feed.delivered, partition))];
    await vi.waitFor(() => expect(first(0).length + first(1).length).toBe(2_200), WAIT);
    expect(first(0)).toEqual(numbered(1_500));
    expect(first(1)).toEqual(numbered(700));
    await feed.stop();
    expect((await committedOffsets(kafka.admin, group, topic)).slice(0, 2)).toEqual([1_500, 700]);
  });

  it('commits an offset only after the rows before it are durable', async () => {
    const topic = await topicWith([numbered(300)]);
    const group = unique('group');
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const feed = start(group, [topic], { batchRows: 100, deliver: () => gate });
    await vi.waitFor(() => expect(feed.read.count).toBe(300), WAIT);
    expect(await committedOffsets(kafka.admin, group, topic)).toEqual([-1]);
    release();
    await vi.waitFor(
      async () => expect(await committedOffsets(kafka.admin, group, topic)).toEqual([300]),
      WAIT,
    );
  });

  it('does not commit past a delivery that is still being tried, whatever came after it', async () => {
    const topic = await topicWith([numbered(200)]);
    const group = unique('group');
    let healed = false;
    const feed = start(group, [topic], {
      batchRows: 100,
      deliver: async (items) => {
        if (items[0]!.offset === 0 && !healed) throw new PerennialError('unavailable', 'The store is down.');
      },
    });
    await vi.waitFor(() => expect(feed.delivered).toHaveLength(100), WAIT);
    expect(await committedOffsets(kafka.admin, group, topic)).toEqual([-1]);
    expect(feed.feed.notReady(60_000)).toContain('The store is down.');
    healed = true;
    await vi.waitFor(
      async () => expect(await committedOffsets(kafka.admin, group, topic)).toEqual([200]),
      WAIT,
    );
    expect(await metricValue(feed.metrics.deliveryRetries)).toBeGreaterThan(0);
    expect(feed.feed.notReady(60_000)).toBeUndefined();
  });

  // Bug: a defect ended the process, and the next one in the group, and the next.
  it('goes on trying, committing nothing and saying why, also when a defect keeps a delivery from going well', async () => {
    const topic = await topicWith([numbered(10)]);
    const group = unique('group');
    let mended = false;
    const feed = start(group, [topic], {
      deliver: async () => {
        if (!mended) throw new TypeError('A defect.');
      },
    });
    await vi.waitFor(() => expect(feed.feed.notReady(60_000)).toContain('A defect.'), WAIT);
    expect(await committedOffsets(kafka.admin, group, topic)).toEqual([-1]);
    mended = true;
    await vi.waitFor(
      async () => expect(await committedOffsets(kafka.admin, group, topic)).toEqual([10]),
      WAIT,
    );
    expect(feed.feed.notReady(60_000)).toBeUndefined();
  });

  it('passes over a message that its reader can not bear, says which, and goes on', async () => {
    const topic = await topicWith([['a', 'unbearable', 'b', 'unbearable']]);
    const group = unique('group');
    const feed = start(group, [topic], {
      read: ({ topic: from, partition, offset, body }) => {
        const text = Buffer.from(body).toString();
        if (text === 'unbearable') throw new TypeError('A defect.');
        return { item: { topic: from, partition, offset, text }, rejected: false };
      },
    });
    await vi.waitFor(
      async () => expect(await committedOffsets(kafka.admin, group, topic)).toEqual([4]),
      WAIT,
    );
    expect(texts(feed.delivered, 0)).toEqual(['a', 'b']);
    expect(await metricValue(feed.metrics.unreadMessages)).toBe(2);
    expect(await metricValue(feed.metrics.kafkaSessions)).toBe(1);
  });

  it('finishes what is under way when it is told to stop, and leaves what fails to the next', async () => {
    const topic = await topicWith([numbered(50)]);
    const group = unique('group');
    const failing = start(group, [topic], {
      deliver: async () => {
        throw new PerennialError('unavailable', 'The store is down.');
      },
    });
    await vi.waitFor(() => expect(failing.read.count).toBe(50), WAIT);
    await failing.stop();
    const next = start(group, [topic], { batchMs: 60_000, batchRows: 10_000 });
    await vi.waitFor(() => expect(next.read.count).toBe(50), WAIT);
    expect(next.delivered).toEqual([]);
    await next.stop();
    expect(texts(next.delivered, 0)).toEqual(numbered(50));
    expect(await committedOffsets(kafka.admin, group, topic)).toEqual([50]);
  });

  it('reads no further while the store is slow, and keeps its place in the group', async () => {
    const topic = await topicWith([numbered(20_000)]);
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const feed = start(unique('group'), [topic], { batchRows: 100, sessionMs: 1_500, deliver: () => gate });
    await vi.waitFor(async () => expect(await metricValue(feed.metrics.kafkaPaused)).toBe(1), WAIT);
    // Well past the session's time: without heartbeats the group would have thrown it out.
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    expect(feed.read.count).toBeLessThanOrEqual(1_000);
    expect(await metricValue(feed.metrics.kafkaRebalances)).toBe(1);
    release();
    await vi.waitFor(() => expect(feed.delivered).toHaveLength(20_000), WAIT);
    expect(texts(feed.delivered, 0)).toEqual(numbered(20_000));
  });

  it('loses nothing while consumers join and leave', async () => {
    const topic = await topicWith([[], [], [], []]);
    const group = unique('group');
    const slow = () => new Promise<void>((resolve) => setTimeout(resolve, 30));
    const options = { batchRows: 50, deliver: slow };
    const all: RunningFeed[] = [start(group, [topic], options)];
    const seen = () =>
      new Set(all.flatMap(({ delivered }) => delivered.map((m) => `${m.partition}/${m.text}`)));
    for (let round = 0; round < 6; round++) {
      await append(
        topic,
        [0, 1, 2, 3].map(() => numbered(300, `${round}-`)),
      );
      if (round % 2 === 0) all.push(start(group, [topic], options));
      else await all[(round - 1) / 2]!.stop();
    }
    await vi.waitFor(() => expect(seen().size).toBe(4 * 6 * 300), WAIT);
    await vi.waitFor(async () => {
      // The test's own producer may have sent a batch twice.
      const ends: number[] = [];
      for (const { partition, high } of await kafka.admin.fetchTopicOffsets(topic))
        ends[partition] = Number(high);
      expect(await committedOffsets(kafka.admin, group, topic)).toEqual(ends);
    }, WAIT);
  });

  // Bug: it was given half of the partitions, though it reads other topics, and nobody read those, in silence.
  it('gives no partition to another program that joined its group to read something else', async () => {
    const [topic, other] = [await topicWith([numbered(10), numbered(10)]), await topicWith([['x'], ['y']])];
    const group = unique('group');
    const lines: string[] = [];
    const logger = createLogger('error', { write: (line) => lines.push(line) });
    const feed = start(group, [topic], { logger });
    await vi.waitFor(() => expect(feed.delivered).toHaveLength(20), WAIT);
    const stranger = testClient().consumer({ groupId: group, sessionTimeout: 6_000 });
    await stranger.connect();
    await stranger.subscribe({ topics: [other], fromBeginning: true });
    const joined = new Promise((resolve) => stranger.on(stranger.events.GROUP_JOIN, resolve));
    await stranger.run({ eachMessage: async () => undefined });
    await joined;
    await append(topic, [['a'], ['b']]);
    await vi.waitFor(() => expect(feed.delivered).toHaveLength(22), WAIT);
    expect(lines.join('')).toContain('Another program is in the consumer group');
    await stranger.disconnect();
  });

  it('neither inserts nor commits what went to another consumer while it was waiting', async () => {
    const topic = await topicWith([numbered(10), numbered(10)]);
    // The test's own producer may have sent a batch twice.
    const ends: number[] = [];
    for (const { partition, high } of await kafka.admin.fetchTopicOffsets(topic))
      ends[partition] = Number(high);
    const all = ends.reduce((sum, end) => sum + end, 0);
    const group = unique('group');
    let down = true;
    const first = start(group, [topic], {
      deliver: async () => {
        if (down) throw new PerennialError('unavailable', 'The store is down.');
      },
    });
    await vi.waitFor(() => expect(first.read.count).toBeGreaterThanOrEqual(all), WAIT);
    const second = start(group, [topic]);
    // One partition goes to the second; both do for a while when the first is late to join again.
    await vi.waitFor(() => expect(second.delivered.length).toBeGreaterThanOrEqual(10), WAIT);
    down = false;
    const places = ({ delivered }: typeof first) => delivered.map((m) => `${m.partition}/${m.offset}`);
    await vi.waitFor(() => expect(new Set([...places(first), ...places(second)]).size).toBe(all), WAIT);
    const ofSecond = new Set(places(second));
    expect(places(first).filter((place) => ofSecond.has(place))).toEqual([]);
    expect(await metricValue(first.metrics.kafkaStaleStopped)).toBeGreaterThan(0);
    await vi.waitFor(
      async () => expect(await committedOffsets(kafka.admin, group, topic)).toEqual(ends),
      WAIT,
    );
  });

  it('stops a partition whose producer sends nothing but poison, says so, and goes on with the others', async () => {
    const topic = await topicWith([[...numbered(5), ...Array(40).fill('bad')], []]);
    const group = unique('group');
    const feed = start(group, [topic], { poison: { ratio: 1, window: 1_000, run: 20 } });
    await vi.waitFor(
      async () => expect(await metricValue(feed.metrics.kafkaPartitionsStopped)).toBe(1),
      WAIT,
    );
    await append(topic, [['after'], numbered(30)]);
    await vi.waitFor(() => expect(texts(feed.delivered, 1)).toHaveLength(30), WAIT);
    expect(texts(feed.delivered, 0)).toHaveLength(25);
    expect(feed.feed.notReady(60_000)).toMatch(
      /Partition .*\/0 stands still: more than 20 messages in a row were rejected, at offset 25/,
    );
    await feed.stop();
    expect(await committedOffsets(kafka.admin, group, topic)).toEqual([25, 30]);
  });

  it('says which topic is missing and how to create it', async () => {
    const feed = start(unique('group'), [unique('no-such-topic')]);
    await expect(feed.done).rejects.toMatchObject({
      code: 'not_found',
      hint: expect.stringContaining('perennial topics create'),
    });
  });
});
