import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { PerennialError } from '../../src/core/errors.js';
import { LIMITS } from '../../src/core/limits.js';
import { ConfirmedProducer } from '../../src/kafka/confirmed-producer.js';
import { bytesOf, type KeyedMessage, requestsOf } from '../../src/kafka/requests.js';
import { describeWithKafka, testClient, unique, useKafka } from '../support/kafka.js';
import { readTopic } from '../support/read-topic.js';

const message = (key: string, bytes: number): KeyedMessage => ({ key, value: 'x'.repeat(bytes) });

describe('messages are put into requests', () => {
  it('by bytes as well as by number, in their order', () => {
    const messages = Array.from({ length: 300 }, (_, i) => message(`k${i}`, 10_000));
    const requests = [...requestsOf(messages)];
    expect(requests.flat()).toEqual(messages);
    for (const request of requests)
      expect(request.reduce((sum, one) => sum + bytesOf(one), 0)).toBeLessThanOrEqual(
        LIMITS.kafkaRequestBytes,
      );
    expect([...requestsOf(Array.from({ length: 1_200 }, () => message('k', 1)))]).toHaveLength(3);
  });

  it('alone, when one is larger than a request', () => {
    const large = message('k', 2 * LIMITS.kafkaRequestBytes);
    expect([...requestsOf([message('a', 1), large, message('b', 1)])].map(({ length }) => length)).toEqual([
      1, 1, 1,
    ]);
  });
});

describeWithKafka('a confirmed producer', () => {
  const kafka = useKafka();
  let producer: ConfirmedProducer;
  beforeAll(() => {
    producer = new ConfirmedProducer(testClient());
  });
  afterAll(() => producer.disconnect());
  async function topicOf(config: Record<string, string> = {}): Promise<string> {
    const topic = unique('sent');
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
    await kafka.createTopic({ topic, numPartitions: 2, configEntries });
    return topic;
  }
  const keysOf = async (topic: string) => (await readTopic(topic)).map(({ key }) => key);

  // Bug: 240 messages of 5 KB were one request, which the broker refused for its size, for ever.
  it('sends any number of messages of any size that a broker takes alone', async () => {
    const topic = await topicOf();
    const messages = Array.from({ length: 400 }, (_, i) => message(`k${i % 7}`, 5_000 + 20 * i));
    expect(await producer.send(topic, messages)).toEqual([]);
    // Each has a size of its own. A new topic may not be known to its broker yet: what is not confirmed is sent again.
    const sizes = new Set((await readTopic(topic)).map(({ value }) => value!.length));
    expect([...sizes].sort((a, b) => a - b)).toEqual(messages.map(({ value }) => value!.length));
  });

  it('says which messages no broker takes, at once, and sends all others', async () => {
    const topic = await topicOf();
    const begun = Date.now();
    const large = message('large', 1_200_000);
    const refused = await producer.send(topic, [message('a', 10), large, message('b', 10)]);
    expect(refused.map(({ message: { key } }) => key)).toEqual(['large']);
    expect(refused[0]!.error).toMatchObject({ code: 'limit_exceeded', retryable: false });
    expect([...new Set(await keysOf(topic))].sort()).toEqual(['a', 'b']);
    expect(Date.now() - begun).toBeLessThan(5_000);
  });

  it('finds out which ones a topic with limits of its own refuses', async () => {
    const topic = await topicOf({ 'max.message.bytes': '20000' });
    const messages = Array.from({ length: 40 }, (_, i) => message(`k${i}`, i % 13 === 5 ? 30_000 : 3_000));
    const refused = await producer.send(topic, messages);
    expect(refused.map(({ message: { key } }) => key)).toEqual(['k5', 'k18', 'k31']);
    expect(new Set(await keysOf(topic)).size).toBe(37);
  });

  it('keeps the order of calls under a key, whoever waits for what', async () => {
    const topic = await topicOf();
    await Promise.all(
      Array.from({ length: 30 }, (_, i) => producer.send(topic, [{ key: 'k', value: String(i) }])),
    );
    expect((await readTopic(topic)).map(({ value }) => value)).toEqual(
      Array.from({ length: 30 }, (_, i) => String(i)),
    );
  });

  it('asks before each request whether it may go on', async () => {
    const topic = await topicOf();
    const messages = Array.from({ length: 1_100 }, (_, i) => message(`k${i}`, 1));
    let asked = 0;
    const mayGoOn = () => {
      if (++asked === 3) throw new PerennialError('cancelled', 'Replaced.');
    };
    await expect(producer.send(topic, messages, { mayGoOn })).rejects.toThrow('Replaced.');
    expect(new Set(await keysOf(topic)).size).toBe(1_000);
  });

  // Bug: messages for partitions that were gone were left unsent by kafkajs, and tried again until the process was restarted.
  it('sends to a topic that was created anew with fewer partitions', async () => {
    const topic = await topicOf();
    const messages = Array.from({ length: 20 }, (_, i) => message(`k${i}`, 1));
    await producer.send(topic, messages);
    await kafka.admin.deleteTopics({ topics: [topic] });
    await vi.waitFor(() => kafka.createTopic({ topic, numPartitions: 1 }), { timeout: 30_000 });
    await vi.waitFor(() => producer.send(topic, messages), { timeout: 60_000 });
    expect(new Set(await keysOf(topic)).size).toBe(20);
  });

  it('says at once that a topic is not there', async () => {
    const begun = Date.now();
    await expect(producer.send(unique('nowhere'), [message('k', 1)])).rejects.toMatchObject({
      code: 'not_found',
      retryable: false,
    });
    expect(Date.now() - begun).toBeLessThan(5_000);
  });
});
