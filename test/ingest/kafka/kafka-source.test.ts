import { afterEach, describe, expect, it, vi } from 'vitest';
import { PerennialError } from '../../../src/core/errors.js';
import { DeadLetters } from '../../../src/ingest/kafka/dead-letters.js';
import { ConfirmedProducer } from '../../../src/kafka/confirmed-producer.js';
import { silentLogger } from '../../../src/telemetry/log.js';
import { createMetrics } from '../../../src/telemetry/metrics.js';
import { committedOffsets } from '../../support/feed.js';
import { type RunningSource, startSource } from '../../support/ingest.js';
import { produceWithJava } from '../../support/java-producer.js';
import { describeWithKafka, testClient, unique, useKafka } from '../../support/kafka.js';
import { metricValue } from '../../support/metric-value.js';
import { readTopic } from '../../support/read-topic.js';

const WAIT = { timeout: 90_000, interval: 50 };

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
    const producer = new ConfirmedProducer(testClient());
    const metrics = createMetrics();
    const deadLetters = new DeadLetters({ producer, topic: letters, logger: silentLogger(), metrics });
    const { delivered, stop } = startSource(topic, { deadLetters, metrics });
    await vi.waitFor(() => expect(delivered.length).toBeGreaterThanOrEqual(4), { timeout: 90_000 });
    await stop();
    await producer.disconnect();

    const ids = delivered.map(({ record }) => (record.kind === 'signal' ? record.signal.id : record.kind));
    expect([...new Set(ids)]).toEqual(['plain', 'structured', 'binary', 'rejection']);
    for (const { receivedAt } of delivered) expect(receivedAt).toBeGreaterThanOrEqual(before - 1_000);

    const [letter] = await readTopic(letters);
    expect(letter!.value).toBe('{"half');
    expect(letter!.headers).toMatchObject({
      'trace-id': 'abc',
      'perennial-reason': 'not_json',
      'perennial-topic': topic,
      'perennial-partition': '0',
      'perennial-offset': '3',
    });
  });

  const running: RunningSource[] = [];
  afterEach(async () => {
    await Promise.allSettled(running.splice(0).map((source) => source.stop()));
  });
  const start: typeof startSource = (...args) => {
    const source = startSource(...args);
    running.push(source);
    return source;
  };
  async function topicOf(name = 'signals', config: Record<string, string> = {}): Promise<string> {
    const topic = unique(name);
    const configEntries = Object.entries(config).map(([key, value]) => ({ name: key, value }));
    await kafka.createTopic({ topic, numPartitions: 1, configEntries });
    return topic;
  }
  const signal = (id: string) =>
    JSON.stringify({
      id,
      source: 's',
      category: 'usage',
      type: 'feature_used',
      account_id: 'a',
      time: '2026-01-01T00:00:00Z',
    });
  const committed = async (topic: string, { group }: RunningSource, offset: number) =>
    vi.waitFor(async () => expect(await committedOffsets(kafka.admin, group, topic)).toEqual([offset]), WAIT);
  const told = ({ delivered }: RunningSource) =>
    delivered.map(({ record }) =>
      record.kind === 'signal'
        ? record.signal.id
        : record.kind === 'rejection'
          ? record.rejection.reason
          : record.kind,
    );

  // Bug (E1): a header without a value ended every session that read it, for ever: 94 of them in 24 s.
  it('are read or rejected one by one, whatever their headers, keys and values are', async () => {
    const topic = await topicOf();
    const ce = 'ce_specversion:1.0,ce_type:usage.feature_used,ce_source:s,ce_time:2026-01-01T00:00:00Z';
    await produceWithJava(
      topic,
      [
        `content-type:NULL\tk\t${signal('null content type')}`,
        `content-type:NULL,content-type:application/json\tNULL\t${signal('null, then one')}`,
        `content-type:application/json,content-type:application/protobuf\tk\t${signal('two types')}`,
        `${ce},ce_id:NULL,ce_subject:a\tk\t{}`,
        `${ce},ce_id:NULL,ce_id:binary,ce_subject:a,ce_subject:NULL\tk\t{}`,
        `ce_specversion:NULL,ce_type:NULL\tk\t${signal('null specversion')}`,
        `x:NULL\tk\tNULL`,
        `__proto__:x,constructor:NULL,toString:y\tk\t${signal('names of Object')}`,
        `x:y\tNULL\t${signal('no key')}`,
      ],
      { properties: { 'parse.headers': 'true', 'parse.key': 'true', 'null.marker': 'NULL' } },
    );
    const source = start(topic);
    await committed(topic, source, 9);
    expect(told(source)).toEqual([
      'null content type',
      'null, then one',
      'two types',
      'missing_field',
      'binary',
      'null specversion',
      'not_json',
      'names of Object',
      'no key',
    ]);
    expect(await metricValue(source.metrics.kafkaSessions)).toBe(1);
  });

  it('carry the time of their producer only where that is possible', async () => {
    const now = Date.now();
    const stamps = ['-1', '0', '1', String(now - 1_000), String(now + 10 * 86_400_000), '253402300800000'];
    // A broker refuses what is too far ahead, unless it is asked not to.
    const topic = await topicOf('lax', { 'message.timestamp.after.max.ms': String(Number.MAX_SAFE_INTEGER) });
    await kafka.producer.send({
      topic,
      messages: stamps.map((timestamp, i) => ({ timestamp, value: signal(String(i)) })),
    });
    const source = start(topic);
    await committed(topic, source, stamps.length);
    for (const { receivedAt } of source.delivered) {
      expect(receivedAt).toBeGreaterThanOrEqual(now - 1_000);
      expect(receivedAt).toBeLessThan(now + 60_000);
    }
  });

  // Bug: one row that the store could not take would have kept all others of its batch from it.
  it('go on without one that the store can not take, which is kept as rejected', async () => {
    const topic = await topicOf();
    const ids = Array.from({ length: 40 }, (_, i) => `s${i}`);
    await kafka.producer.send({ topic, messages: ids.map((id) => ({ key: 'k', value: signal(id) })) });
    const source = start(topic, {
      deliver: async (batch) => {
        const bad = batch.some(({ record }) => record.kind === 'signal' && record.signal.id === 's17');
        if (bad)
          throw new PerennialError('internal', 'ClickHouse: value is out of range', {
            cause: Object.assign(new Error('out of range'), { code: '321', type: 'VALUE_IS_OUT_OF_RANGE' }),
          });
      },
    });
    await committed(topic, source, 40);
    expect(told(source).sort()).toEqual([...ids.filter((id) => id !== 's17'), 'internal_error'].sort());
    const { record } = source.delivered.find((delivery) => delivery.record.kind === 'rejection')!;
    expect(record).toMatchObject({ rejection: { raw: Buffer.from(signal('s17')) } });
  });

  it('are all waited with, and none is rejected, when the store can take no row of theirs', async () => {
    const topic = await topicOf();
    const values = ['a', 'b', 'c'].map((id) => ({ key: 'k', value: signal(id) }));
    await kafka.producer.send({ topic, messages: values });
    let broken = true;
    const source = start(topic, {
      deliver: async () => {
        if (broken)
          throw new PerennialError('internal', 'ClickHouse: unknown column', {
            cause: Object.assign(new Error('no column'), { code: '16', type: 'NO_SUCH_COLUMN_IN_TABLE' }),
          });
      },
    });
    await vi.waitFor(() => expect(source.source.notReady(60_000)).toContain('unknown column'), WAIT);
    broken = false;
    await committed(topic, source, 3);
    expect(told(source)).toEqual(['a', 'b', 'c']);
  });

  describe('and their dead letters', () => {
    function lettersTo(topic: string, send?: ConfirmedProducer['send']) {
      const producer = new ConfirmedProducer(testClient());
      const metrics = createMetrics();
      const deadLetters = new DeadLetters({
        producer: send === undefined ? producer : { send },
        topic,
        logger: silentLogger(),
        metrics,
        patienceMs: 500,
      });
      return { deadLetters, metrics, close: () => producer.disconnect() };
    }

    // Bug (E2): each of these blocked every partition for ever, as "the store has refused writes".
    it('are copied as far as Kafka takes them, and never hold anything back', async () => {
      const [topic, letters] = [
        await topicOf('signals', { 'max.message.bytes': '2000000' }),
        await topicOf('letters'),
      ];
      const bad = (bytes: number) => `{"half${'x'.repeat(bytes)}`;
      for (const value of [bad(1_048_400), ...Array(240).fill(bad(5_000)), signal('after')])
        await kafka.producer.send({ topic, messages: [{ key: 'k', value }] });
      await produceWithJava(topic, ['x:NULL,y:z\tk\t{"half'], {
        properties: { 'parse.headers': 'true', 'parse.key': 'true', 'null.marker': 'NULL' },
      });
      const { deadLetters, metrics, close } = lettersTo(letters);
      const source = start(topic, { deadLetters, metrics });
      await committed(topic, source, 243);
      await source.stop();
      await close();
      const copies = await readTopic(letters);
      expect(copies).toHaveLength(241);
      expect(copies.at(-1)!.headers).toMatchObject({ y: 'z', 'perennial-offset': '242' });
      expect(copies.at(-1)!.headers).not.toHaveProperty('x');
      expect(await metricValue(metrics.deadLetters)).toBe(241);
      expect(await metricValue(metrics.deadLettersLost)).toBe(1);
      expect(told(source)).toContain('after');
    });

    it('are given up, counted, when no broker takes any', async () => {
      const topic = await topicOf();
      const { deadLetters, metrics } = lettersTo('nowhere', async () => {
        await new Promise((resolve) => setTimeout(resolve, 1_500));
        throw new PerennialError('unavailable', 'No leader.');
      });
      const begun = Date.now();
      const source = start(topic, { deadLetters, metrics, batchRows: 10 });
      for (let i = 0; i < 3; i++)
        await kafka.producer.send({ topic, messages: Array(10).fill({ key: 'k', value: '{"half' }) });
      await committed(topic, source, 30);
      expect(Date.now() - begun).toBeLessThan(10_000);
      await source.stop();
      await vi.waitFor(async () => expect(await metricValue(metrics.deadLettersLost)).toBe(30), WAIT);
    });
  });
});
