import kafkajs, { type Admin, Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { readSettings } from '../../src/core/read-settings.js';
import { framedSocketFactory } from '../../src/kafka/framed-socket.js';
import { createTopics } from '../../src/kafka/topic-admin.js';
import { topicPlans } from '../../src/kafka/topics.js';
import { describeWithOwnKafka, ownCluster } from '../support/kafka.js';
import type { KafkaCluster } from '../support/kafka-cluster.js';
import { RoleProcess } from '../support/role-process.js';
import { servedStore } from '../support/served-store.js';

const WAIT = { timeout: 120_000, interval: 200 };
vi.setConfig({ testTimeout: 300_000 });
const PLAIN = 'org.apache.kafka.common.security.plain.PlainLoginModule required';
const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;

/** A broker that asks for a user, and lets it do what it was given a right to. */
describeWithOwnKafka('with the rights that docs/operations.md lists, and no others', () => {
  let cluster: KafkaCluster;
  let store: Awaited<ReturnType<typeof servedStore>>;
  let admin: Admin;
  let kafka: Kafka;
  let env: Record<string, string>;
  const roles: Record<string, RoleProcess> = {};

  beforeAll(async () => {
    [cluster, store] = await Promise.all([
      ownCluster({
        protocol: 'SASL_PLAINTEXT',
        properties: {
          'sasl.enabled.mechanisms': 'PLAIN',
          'sasl.mechanism.inter.broker.protocol': 'PLAIN',
          'listener.name.client.plain.sasl.jaas.config': `${PLAIN} username="broker" password="b" user_broker="b" user_perennial="p";`,
          'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
          'super.users': 'User:broker;User:ANONYMOUS',
        },
      }),
      servedStore(),
    ]);
    kafka = new Kafka({
      brokers: cluster.brokers,
      sasl: { mechanism: 'plain', username: 'broker', password: 'b' },
      socketFactory: framedSocketFactory,
      logLevel: logLevel.NOTHING,
      retry: { retries: 20, initialRetryTime: 50, maxRetryTime: 1000 },
    });
    admin = kafka.admin();
    await admin.connect();
    env = {
      KAFKA_BROKERS: cluster.brokers.join(','),
      KAFKA_SASL: 'plain',
      KAFKA_USERNAME: 'perennial',
      KAFKA_PASSWORD: 'p',
      KAFKA_PARTITIONS: '1',
      KAFKA_DEAD_LETTERS: 'letters',
      KAFKA_SESSION_MS: '6000',
      CLICKHOUSE_URL: store.url,
      PERENNIAL_GRPC: '127.0.0.1:0',
    };
    const plans = topicPlans(readSettings(env));
    await createTopics(admin, plans);
    const { READ, DESCRIBE, WRITE } = AclOperationTypes;
    const { TOPIC, GROUP } = AclResourceTypes;
    for (const { topic } of plans)
      if (!/risks|decisions|letters/.test(topic)) await allow(TOPIC, topic, READ, DESCRIBE);
    for (const topic of [
      'perennial.touched',
      'perennial.limits',
      'perennial.risks',
      'perennial.decisions',
      'letters',
    ])
      await allow(TOPIC, topic, WRITE);
    for (const group of ['perennial-ingest', 'perennial-score', 'perennial-limits'])
      await allow(GROUP, group, READ);
  }, 120_000);
  afterAll(async () => {
    for (const role of Object.values(roles)) role.child.kill('SIGKILL');
    await admin?.disconnect();
    await Promise.all([cluster?.stop(), store?.close()]);
  });

  const entry = (resourceType: number, resourceName: string, operation: number) => ({
    resourceType,
    resourceName,
    operation,
    resourcePatternType: ResourcePatternTypes.LITERAL,
    principal: 'User:perennial',
    host: '*',
    permissionType: AclPermissionTypes.ALLOW,
  });
  const allow = (resourceType: number, name: string, ...operations: readonly number[]) =>
    admin.createAcls({ acl: operations.map((operation) => entry(resourceType, name, operation)) });
  const start = (name: string) => new RoleProcess([name], env);
  const ready = (role: RoleProcess) =>
    vi.waitFor(async () => expect(await role.health()).toMatchObject({ ok: true, faults: {} }), WAIT);
  const send = async (topic: string, id: string, more: object = {}) => {
    const producer = kafka.producer();
    await producer.connect();
    const value = JSON.stringify({
      id,
      source: 'test',
      category: 'usage',
      type: 'feature_used',
      account_id: 'a',
      time: new Date().toISOString(),
      ...more,
    });
    await producer.send({ topic, messages: [{ key: 'a', value }] });
    await producer.disconnect();
  };

  const published = async (topic: string) => {
    const offsets = await admin.fetchTopicOffsets(topic);
    return offsets.reduce((sum, { high }) => sum + Number(high), 0);
  };

  // Bug: docs/operations.md left out the group of shared limits, without which scorers end.
  it('all roles become ready and work', async () => {
    for (const name of ['ingest', 'score', 'serve'] as const) roles[name] = start(name);
    await Promise.all(Object.values(roles).map(ready));
    await send('perennial.signals.usage', 's1');
    await send('perennial.signals.usage', 'bad', { time: 'never' });
    await vi.waitFor(async () => {
      expect(await published('perennial.risks')).toBeGreaterThan(0);
      expect(await published('letters')).toBe(1);
    }, WAIT);
  });

  // Bug: neither the log nor readiness said which topic.
  it('a topic that may not be read any more is named, and read once it may be again', async () => {
    const { TOPIC } = AclResourceTypes;
    const { READ } = AclOperationTypes;
    const topic = 'perennial.signals.billing';
    await admin.deleteAcls({ filters: [entry(TOPIC, topic, READ)] });
    await vi.waitFor(async () => {
      const { ok, faults } = await roles.ingest!.health();
      expect(ok).toBe(false);
      expect(faults.ingest).toContain(`The user may not read ${topic}`);
    }, WAIT);
    await allow(TOPIC, topic, READ);
    await send(topic, 'b1', { category: 'billing', type: 'payment_failed' });
    await ready(roles.ingest!);
    await vi.waitFor(async () => {
      const { text } = await roles.ingest!.get('/metrics');
      expect(text).toMatch(/perennial_ingest_messages_total\{.*signal.*\} 2/);
    }, WAIT);
  });
});
