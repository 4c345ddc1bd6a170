import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it, vi } from 'vitest';
import { HOUR_MS } from '../../../src/core/clock.js';
import { committedOffsets, type RunningFeed, startFeed } from '../../support/feed.js';
import { describeWithKafka, unique, useKafka } from '../../support/kafka.js';

const WAIT = { timeout: 60_000, interval: 50 };
const SESSION_MS = 4_000;

describeWithKafka('a feed whose clock is set', () => {
  const kafka = useKafka();
  let feed: RunningFeed | undefined;
  afterEach(async () => {
    vi.restoreAllMocks();
    await feed?.stop();
  });

  // Bug: kafkajs sent no heartbeat until the hour was over, and scorers gave up all their work, ready all the while.
  it.each([-HOUR_MS, HOUR_MS])('by %i ms delivers under a lease and commits', async (by) => {
    const topic = unique('clock');
    await kafka.createTopic({ topic, numPartitions: 1 });
    const group = unique('group');
    feed = startFeed(group, [topic], {
      exclusive: true,
      sessionMs: SESSION_MS,
      deliver: async (_, lease) => lease.assertStillOwner(),
    });
    const send = (value: string) => kafka.producer.send({ topic, messages: [{ value }] });
    await send('a');
    await vi.waitFor(() => expect(feed!.delivered).toHaveLength(1), WAIT);
    const { now } = Date;
    vi.spyOn(Date, 'now').mockImplementation(() => now() + by);
    // Longer than the group waits for a heartbeat.
    await sleep(1.5 * SESSION_MS);
    await send('b');
    await vi.waitFor(() => expect(feed!.delivered.map(({ text }) => text)).toEqual(['a', 'b']), WAIT);
    await vi.waitFor(
      async () => expect(await committedOffsets(kafka.admin, group, topic)).toEqual([2]),
      WAIT,
    );
  });

  // Bug: until the clock was as late as before, kafkajs did not look for partitions that were added.
  it('back reads a partition that is added', async () => {
    const topic = unique('clock');
    await kafka.createTopic({ topic, numPartitions: 1 });
    feed = startFeed(unique('group'), [topic]);
    const send = (partition: number, value: string) =>
      kafka.producer.send({ topic, messages: [{ partition, value }] });
    await send(0, 'a');
    await vi.waitFor(() => expect(feed!.delivered).toHaveLength(1), WAIT);
    const { now } = Date;
    vi.spyOn(Date, 'now').mockImplementation(() => now() - HOUR_MS);
    await kafka.admin.createPartitions({ topicPartitions: [{ topic, count: 2 }] });
    await vi.waitFor(() => send(1, 'b'), WAIT);
    await vi.waitFor(() => expect(feed!.delivered.map(({ text }) => text)).toEqual(['a', 'b']), WAIT);
  });
});
