import { expect, it, vi } from 'vitest';
import { systemClock } from '../../../src/core/clock.js';
import { KafkaSource } from '../../../src/ingest/kafka/kafka-source.js';
import type { Delivery } from '../../../src/ingest/signal-source.js';
import { ConfirmedProducer } from '../../../src/kafka/confirmed-producer.js';
import { EMPTY_CATALOGUE } from '../../../src/signals/catalogue.js';
import { parseMessage } from '../../../src/signals/parse.js';
import { silentLogger } from '../../../src/telemetry/log.js';
import { createMetrics } from '../../../src/telemetry/metrics.js';
import { describeWithKafka, testClient, unique, useKafka } from '../../support/kafka.js';

describeWithKafka('signals from Kafka', () => {
  const kafka = useKafka();

  it('come in every wire form, arrive at the time of the broker, and leave what is unreadable in the dead letters', async () => {
    const topic = unique('signals');
    const letters = unique('letters');
    const stamped = [{ name: 'message.timestamp.type', value: 'LogAppendTime' }];
    await kafka.createTopic({ topic, numPartitions: 1, configEntries: stamped });
    await kafka.createTopic({ topic: letters, numPartitions: 1 });
    const body = { account_id: 'a', category: 'usage', source: 's', time: '2026-01-01T00:00:00Z' };
    const event = {
      specversion: '1.0',
      source: 's',
      subject: 'a',
      time: body.time,
      type: 'usage.feature_used',
    };
    const before = Date.now();
    await kafka.producer.send({
      topic,
      messages: [
        { key: 'a', timestamp: '1', value: JSON.stringify({ ...body, id: 'plain', type: 'feature_used' }) },
        {
          key: 'a',
          value: JSON.stringify({ ...event, id: 'structured', data: { count: 3 } }),
          headers: { 'content-type': 'application/cloudevents+json' },
        },
        {
          key: 'a',
          value: JSON.stringify({ count: 4 }),
          headers: {
            'content-type': 'application/json',
            ...Object.fromEntries(Object.entries(event).map(([name, value]) => [`ce_${name}`, value])),
            ce_id: 'binary',
          },
        },
        { key: 'broken', value: '{"half', headers: { 'trace-id': 'abc' } },
      ],
    });
    const client = testClient();
    const producer = new ConfirmedProducer(client);
    await producer.connect();
    const delivered: Delivery[] = [];
    const stopping = new AbortController();
    const source = new KafkaSource({
      kafka: client,
      groupId: unique('group'),
      topics: [topic],
      parse: ({ body: bytes, headers, receivedAt }) =>
        parseMessage({ body: bytes, headers }, 'signal', { receivedAt, catalogue: EMPTY_CATALOGUE }),
      clock: systemClock,
      logger: silentLogger(),
      metrics: createMetrics(),
      batchRows: 1_000,
      batchBytes: 1_000_000,
      batchMs: 20,
      inFlight: 2,
      sessionMs: 3_000,
      rebalanceMs: 30_000,
      stuckMs: 10_000,
      poison: { ratio: 1, window: 100, run: 100 },
      deadLetters: { producer, topic: letters },
    });
    const running = source.run(async (batch) => void delivered.push(...batch), stopping.signal);
    await vi.waitFor(() => expect(delivered.length).toBeGreaterThanOrEqual(4), { timeout: 20_000 });
    stopping.abort();
    await running;
    await producer.disconnect();

    const ids = delivered.map(({ record }) => (record.kind === 'signal' ? record.signal.id : record.kind));
    expect([...new Set(ids)]).toEqual(['plain', 'structured', 'binary', 'rejection']);
    for (const { receivedAt } of delivered) expect(receivedAt).toBeGreaterThanOrEqual(before - 1_000);

    const consumer = testClient().consumer({ groupId: unique('letters') });
    await consumer.connect();
    await consumer.subscribe({ topics: [letters], fromBeginning: true });
    const letter = await new Promise<{ value: string; headers: Record<string, string> }>((resolve) => {
      void consumer.run({
        eachMessage: async ({ message }) =>
          resolve({
            value: String(message.value),
            headers: Object.fromEntries(
              Object.entries(message.headers ?? {}).map(([k, v]) => [k, String(v)]),
            ),
          }),
      });
    });
    await consumer.disconnect();
    expect(letter.value).toBe('{"half');
    expect(letter.headers).toMatchObject({
      'trace-id': 'abc',
      'perennial-reason': 'not_json',
      'perennial-topic': topic,
      'perennial-partition': '0',
      'perennial-offset': '3',
    });
  });
});
