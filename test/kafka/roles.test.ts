import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { CLI } from '../chaos/fleet.js';
import { describeWithKafka, sharedBrokers, testClient, unique, useKafka } from '../support/kafka.js';
import { servedStore } from '../support/served-store.js';

describeWithKafka('the roles as processes', () => {
  const kafka = useKafka();
  let folder: string;
  let env: Record<string, string>;
  const spawned: ReturnType<typeof spawn>[] = [];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'perennial-role-'));
    env = {
      KAFKA_BROKERS: sharedBrokers.join(','),
      KAFKA_TOPIC_PREFIX: `${unique('role')}.`,
      KAFKA_GROUP: unique('role'),
      KAFKA_PARTITIONS: '2',
      KAFKA_SESSION_MS: '3000',
      PERENNIAL_DATA: join(folder, 'data'),
      PERENNIAL_HTTP: '127.0.0.1:0',
    };
    const [code] = await once(run('topics', 'create'), 'exit');
    expect(code).toBe(0);
  });
  afterEach(() => {
    for (const child of spawned.splice(0)) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  function run(...args: string[]) {
    const child = spawn(process.execPath, [CLI, ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    spawned.push(child);
    return child;
  }

  /** Starts a role and resolves to the port of its health server. */
  async function start(role: string) {
    const child = run(role);
    for await (const line of createInterface({ input: child.stderr! })) {
      const { port } = JSON.parse(line) as { port?: number };
      if (port !== undefined) return { child, port };
    }
    throw new Error(`${role} ended before it served its health`);
  }

  it('ingest reads signals, becomes ready, counts, and leaves when told to', async () => {
    const { child, port } = await start('ingest');
    child.stderr!.resume();
    const topic = `${env.KAFKA_TOPIC_PREFIX}signals.usage`;
    const time = new Date().toISOString();
    const signal = {
      id: '1',
      source: 'test',
      category: 'usage',
      type: 'feature_used',
      account_id: 'a',
      time,
    };
    const messages = [
      { key: 'a', value: JSON.stringify(signal) },
      { key: 'a', value: 'not JSON' },
    ];
    await kafka.producer.send({ topic, messages });
    const get = async (path: string) => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`);
      return { status: answer.status, text: await answer.text() };
    };
    await vi.waitFor(async () => expect((await get('/readyz')).status).toBe(200), { timeout: 90_000 });
    await vi.waitFor(
      async () => {
        const { text } = await get('/metrics');
        expect(text).toContain('perennial_ingest_messages_total{kind="signal"} 1');
        expect(text).toContain('perennial_ingest_rejections_total{reason="not_json"} 1');
        expect(text).toMatch(/perennial_kafka_lag_offsets\{topic="[^"]+signals.usage",partition="\d"\} 0/);
      },
      { timeout: 90_000, interval: 200 },
    );
    child.kill('SIGTERM');
    const [code] = await once(child, 'exit');
    expect(code).toBe(0);
  });

  it('score publishes the risk of a touched account', async () => {
    const prefix = env.KAFKA_TOPIC_PREFIX;
    const consumer = testClient().consumer({ groupId: unique('risks') });
    await consumer.connect();
    await consumer.subscribe({ topics: [`${prefix}risks`], fromBeginning: true });
    const risk = new Promise<string>((resolve) => {
      void consumer.run({ eachMessage: async ({ message }) => resolve(message.value!.toString()) });
    });
    const simulated = run('simulate', '--accounts', '1', '--days', '30', '--out', join(folder, 'simulated'));
    await once(simulated, 'exit');
    const files = ['signals', 'subscriptions'].map((name) => join(folder, 'simulated', `${name}.ndjson`));
    const [code] = await once(run('ingest', ...files), 'exit');
    expect(code).toBe(0);
    const { child } = await start('score');
    child.stderr!.resume();
    const line = readFileSync(files[1]!, 'utf8').split('\n', 1)[0]!;
    const account = (JSON.parse(line) as { account_id: string }).account_id;
    await kafka.producer.send({ topic: `${prefix}touched`, messages: [{ key: account, value: '{}' }] });
    const event = JSON.parse(await risk) as { type: string; data: { account_id: string; risk: number } };
    expect(event.type).toBe('perennial.risk.scored');
    expect(event.data.account_id).toBe(account);
    expect(event.data.risk).toBeGreaterThanOrEqual(0);
    await consumer.disconnect();
    child.kill('SIGTERM');
    const [ended] = await once(child, 'exit');
    expect(ended).toBe(0);
  });

  // Bug: it was found out only with the first message that was rejected, and then again and again.
  it('ingest says at once that there is no topic for dead letters', async () => {
    env.KAFKA_DEAD_LETTERS = unique('nowhere');
    const child = run('ingest');
    const [said, [code]] = await Promise.all([text(child.stderr!), once(child, 'exit')]);
    expect(said).toContain(`The Kafka topic ${env.KAFKA_DEAD_LETTERS} does not exist.`);
    expect(code).toBe(6);
  });

  // Bug: nobody asked the store while nothing was read or written, so callers went on to a process that could not answer.
  it('serve is not ready while the store does not answer', async () => {
    const store = await servedStore();
    env.CLICKHOUSE_URL = store.url;
    env.PERENNIAL_GRPC = '127.0.0.1:0';
    const { child, port } = await start('serve');
    child.stderr!.resume();
    const ready = async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).text();
    await vi.waitFor(async () => expect(await ready()).toContain('"ok":true'), { timeout: 90_000 });
    await store.close();
    await vi.waitFor(async () => expect(await ready()).toContain('"store":"The store does not answer'), {
      timeout: 90_000,
    });
  });

  // Bug: the roles of one process overwrote each other's figures, so that one could hide that the other stood still.
  it('up is not ready before it has started, and tells its consumer groups apart', async () => {
    env.PERENNIAL_GRPC = '127.0.0.1:0';
    const { child, port } = await start('up');
    child.stderr!.resume();
    const get = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).text();
    expect(await get('/readyz')).toContain('"start":"The process is still starting."');
    await vi.waitFor(async () => expect(await get('/readyz')).toContain('"ok":true'), { timeout: 90_000 });
    const figures = ['partitions_stopped', 'paused', 'loop_age_seconds', 'rebalances_total'];
    const names = ['ingest', 'score'].flatMap((role) =>
      figures.map((figure) => `perennial_kafka_${figure}{group="${env.KAFKA_GROUP}-${role}"}`),
    );
    const missing = async () => {
      const metrics = await get('/metrics');
      return names.filter((name) => !metrics.includes(name));
    };
    await vi.waitFor(async () => expect(await missing()).toEqual([]), { timeout: 90_000 });
  });

  // Bug: only what answers questions did; what decides went on under the rules it had started with.
  it('score puts rules in force that are changed while it runs', async () => {
    const rules = join(folder, 'rules');
    cpSync('rules', rules, { recursive: true });
    env.PERENNIAL_RULES = rules;
    const child = run('score');
    const lines = createInterface({ input: child.stderr! })[Symbol.asyncIterator]();
    await lineWith(lines, 'Joined the consumer group');
    appendFileSync(join(rules, 'offers.yaml'), '# changed\n');
    const { revision } = JSON.parse(await lineWith(lines, 'Rules reloaded')) as { revision: string };
    child.kill('SIGTERM');
    const [code] = await once(child, 'exit');
    expect(code).toBe(0);
    expect(await text(run('rules', 'history', '--json').stdout!)).toContain(revision);
  });
});

async function lineWith(lines: AsyncIterator<string>, part: string): Promise<string> {
  for (;;) {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`The process ended without saying ${part}`);
    if ((value as string).includes(part)) return value as string;
  }
}
