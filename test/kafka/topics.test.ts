import { PassThrough } from 'node:stream';
import pc from 'picocolors';
import { expect, it } from 'vitest';
import { runProgram } from '../../src/cli/program.js';
import { describeWithKafka, sharedBrokers, unique, useKafka } from '../support/kafka.js';

describeWithKafka('perennial topics', () => {
  const kafka = useKafka();

  async function topics(env: Record<string, string>, ...args: string[]) {
    const stdout = new PassThrough();
    const stderr = new PassThrough();
    const colors = pc.createColors(false);
    const terminal = { stdout, stderr, env, interactive: false, colors };
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
    expect((JSON.parse(created.out) as { created: string[] }).created).toHaveLength(10);
    expect(await topics(env, 'create', '--json')).toMatchObject({ code: 0, out: '{"created":[]}\n' });
    const checked = await topics(env, 'check');
    expect(checked.out).not.toContain('not ');
    expect(checked.code).toBe(0);
  });

  it('check names what is wrong with a topic', async () => {
    const env = environment();
    await kafka.createTopic({ topic: `${env.KAFKA_TOPIC_PREFIX}risks`, numPartitions: 2 });
    const checked = await topics(env, 'check', '--json');
    expect(checked.code).toBe(3);
    const { topics: states } = JSON.parse(checked.out) as { topics: { topic: string; problems: string[] }[] };
    const risks = states.find(({ topic }) => topic.endsWith('.risks'))!;
    expect(risks.problems.join('; ')).toMatch(/has 2 partitions, not 3.*cleanup\.policy=delete, not compact/);
    expect(states.find(({ topic }) => topic.endsWith('.touched'))!.problems).toEqual(['does not exist']);
  });

  it('says what to do without brokers, and when none answers', async () => {
    expect(await topics({}, 'check')).toMatchObject({
      code: 2,
      err: expect.stringContaining('KAFKA_BROKERS'),
    });
  });
});
