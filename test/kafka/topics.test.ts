import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import pc from 'picocolors';
import { expect, it, vi } from 'vitest';
import { runProgram } from '../../src/cli/program.js';
import { systemClock } from '../../src/core/clock.js';
import { readSettings } from '../../src/core/read-settings.js';
import { checkTopics, createTopics, untilLed, withAdmin } from '../../src/kafka/topic-admin.js';
import { topicPlans } from '../../src/kafka/topics.js';
import { freePort } from '../support/free-port.js';
import {
  describeWithKafka,
  describeWithOwnKafka,
  ownCluster,
  sharedBrokers,
  testClient,
  unique,
  useKafka,
} from '../support/kafka.js';
import { runCli } from '../support/run-cli.js';

describeWithKafka('perennial topics', () => {
  const kafka = useKafka();

  async function topics(env: Record<string, string>, ...args: string[]) {
    const stdout = new PassThrough();
    const stderr = new PassThrough();
    const colors = pc.createColors(false);
    const terminal = { stdout, stderr, env, interactive: false, colors, clock: systemClock };
    const code = await runProgram(['topics', ...args], terminal);
    return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
  }
  const environment = (more: Record<string, string> = {}) => ({
    KAFKA_BROKERS: sharedBrokers.join(','),
    KAFKA_TOPIC_PREFIX: `${unique('topics')}.`,
    KAFKA_PARTITIONS: '3',
    ...more,
  });

  it('create makes every topic as check wants it, and does nothing the second time', async () => {
    const env = environment({ KAFKA_DEAD_LETTERS: unique('dead-letters') });
    expect((await topics(env, 'check')).code).toBe(3);
    const created = await topics(env, 'create', '--json');
    expect(created.code).toBe(0);
    expect((JSON.parse(created.out) as { created: string[] }).created).toHaveLength(11);
    expect(await topics(env, 'create', '--json')).toMatchObject({ code: 0, out: '{"created":[]}\n' });
    const checked = await topics(env, 'check');
    expect(checked.out).not.toContain('not ');
    expect(checked.code).toBe(0);
  });

  // Bug: 1,323 risks of a scorer whose clock was two hours ahead were refused, and their readers never saw them.
  it('create makes topics that take what a process sends whose clock is ahead', async () => {
    const env = environment();
    await topics(env, 'create');
    const timestamp = String(systemClock() + 2 * 3_600_000);
    for (const { topic } of topicPlans(readSettings(env)))
      await expect(
        kafka.producer.send({ topic, messages: [{ key: 'k', value: '{}', timestamp }] }),
        topic,
      ).resolves.toHaveLength(1);
  });

  it('check names what is wrong with a topic', async () => {
    const env = environment();
    await kafka.createTopic({ topic: `${env.KAFKA_TOPIC_PREFIX}risks`, numPartitions: 2 });
    const checked = await topics(env, 'check', '--json');
    expect(checked.code).toBe(3);
    const { topics: states } = JSON.parse(checked.out) as { topics: { topic: string; problems: string[] }[] };
    const risks = states.find(({ topic }) => topic.endsWith('.risks'))!;
    expect(risks.problems.join('; ')).toMatch(/has 2 partitions, not 3.*cleanup\.policy=delete, not compact/);
    expect(states.find(({ topic }) => topic.endsWith('.touched'))!.problems).toEqual([
      'does not exist, or this user may not see it',
    ]);
  });

  it('doctor looks at the topics too', async () => {
    const env = environment();
    const data = ['--data', mkdtempSync(join(tmpdir(), 'perennial-doctor-'))];
    const doctor = async () => {
      const { code, stdout } = await runCli(['doctor', '--json', ...data], env);
      return { code, kafka: stdout.split('\n').find((line) => line.includes('"check":"kafka"')) };
    };
    expect(await doctor()).toMatchObject({
      code: 3,
      kafka: expect.stringContaining('perennial topics create'),
    });
    await topics(env, 'create');
    expect(await doctor()).toMatchObject({ code: 0, kafka: expect.stringContaining('10 topics are as') });
    rmSync(data[1]!, { recursive: true });
  });

  it('says what to do without brokers, and when none answers', async () => {
    expect(await topics({}, 'check')).toMatchObject({
      code: 2,
      err: expect.stringContaining('KAFKA_BROKERS'),
    });
    const nobody = `127.0.0.1:${await freePort()}`;
    expect(await topics({ KAFKA_BROKERS: nobody }, 'check')).toMatchObject({
      code: 5,
      err: expect.stringContaining('Kafka does not answer'),
    });
  });
});

describeWithOwnKafka('topics on three brokers', () => {
  it('have three copies, two of which must acknowledge; check tells of one that need not', async () => {
    const cluster = await ownCluster({ brokers: 3 });
    try {
      const plans = topicPlans(readSettings({ KAFKA_PARTITIONS: '2' }));
      await withAdmin(testClient(cluster.brokers).admin(), async (admin) => {
        const [first, second] = plans;
        await createTopics(admin, [first!]);
        const configEntries = Object.entries(second!.config).map(([name, value]) => ({ name, value }));
        const lax = { topic: second!.topic, numPartitions: 2, replicationFactor: 3, configEntries };
        await admin.createTopics({ waitForLeaders: false, topics: [lax] });
        await untilLed(admin, [lax.topic]);
        // Another broker may answer, which does not know the topic yet.
        await vi.waitFor(
          async () => {
            const problems = (await checkTopics(admin, plans.slice(0, 2))).map((state) => state.problems);
            expect(problems).toEqual([[], [expect.stringContaining('has min.insync.replicas=1, not 2')]]);
          },
          { timeout: 90_000, interval: 200 },
        );
      });
    } finally {
      await cluster.stop();
    }
  });
});
