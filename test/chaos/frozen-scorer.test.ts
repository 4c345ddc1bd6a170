import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { readSettings } from '../../src/core/read-settings.js';
import { createTopics } from '../../src/kafka/topic-admin.js';
import { topicNames, topicPlans } from '../../src/kafka/topics.js';
import { migrate } from '../../src/store/migrate.js';
import { openStore } from '../../src/store/open-store.js';
import type { Store } from '../../src/store/store.js';
import { HoldingProxy } from '../support/holding-proxy.js';
import { describeWithKafka, sharedBrokers, unique, useKafka } from '../support/kafka.js';
import { readTopic } from '../support/read-topic.js';
import { RoleProcess } from '../support/role-process.js';
import { servedStore } from '../support/served-store.js';

const WAIT = { timeout: 90_000, interval: 100 };
const ACCOUNTS = ['acme', 'borealis', 'cobalt', 'delta'];

/** Each plan has an offer of its own; at most one offer is open for a subscription. */
const RULES = {
  'offers.yaml': `offers:
  - { name: for_basic, description: d, kind: training, valid_days: 30, uplift: 0.1 }
  - { name: for_pro, description: d, kind: training, valid_days: 30, uplift: 0.1 }
`,
  'rules.yaml': ['basic', 'pro']
    .map(
      (plan) => `  - name: ${plan}
    conditions: { all: [{ fact: plan, operator: equal, value: ${plan} }] }
    event: { type: offer, params: { offer: for_${plan} } }
`,
    )
    .reduce((text, rule) => text + rule, 'rules:\n'),
  'guardrails.yaml': 'guardrails: off\nbrake: off\n',
};

describeWithKafka('a scorer that is frozen in the middle of a pass', () => {
  const kafka = useKafka();
  let folder: string;
  let server: Awaited<ReturnType<typeof servedStore>>;
  const ends: (() => unknown)[] = [];
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'perennial-frozen-'));
    mkdirSync(join(folder, 'rules'));
    for (const [file, text] of Object.entries(RULES)) writeFileSync(join(folder, 'rules', file), text);
    server = await servedStore();
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });
  afterAll(async () => {
    await server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Contracts of every account, all in one plan, from now on. */
  const contracts = (store: Store, plan: string) =>
    store.command(
      `INSERT INTO subscription_log (account_id, subscription_id, occurred_at, status, plan, received_at)
       SELECT id, id, now64(3), 'active', {plan:String}, now64(3) FROM (SELECT arrayJoin({ids:Array(String)}) AS id)`,
      { plan, ids: ACCOUNTS },
    );

  /**
   * The first scorer stops (SIGSTOP) while the events of its pass are on their way to the store. The group gives its accounts to a
   * second one, which finds another plan and opens another offer. Then the events arrive, and the first goes on.
   */
  async function frozen(database: string, prepare: (store: Store) => Promise<unknown> = async () => {}) {
    const url = new URL(`/${database}`, server.url).toString();
    const store = await openStore({ url });
    ends.push(() => store.close());
    await migrate(store);
    await prepare(store);
    await contracts(store, 'basic');
    const env = {
      KAFKA_BROKERS: sharedBrokers.join(','),
      KAFKA_TOPIC_PREFIX: `${unique('frozen')}.`,
      KAFKA_GROUP: unique('frozen'),
      KAFKA_PARTITIONS: '1',
      KAFKA_SESSION_MS: '3000',
      PERENNIAL_RULES: join(folder, 'rules'),
    };
    const names = topicNames(env.KAFKA_TOPIC_PREFIX);
    await createTopics(kafka.admin, topicPlans(readSettings(env)));
    const touch = () =>
      kafka.producer.send({
        topic: names.touched,
        messages: ACCOUNTS.map((key) => ({ key, value: '{}' })),
      });
    const proxy = await new HoldingProxy(server.url, (sql) => sql.includes('decision_event_writes')).start();
    ends.push(() => proxy.stop());
    const start = (port: string) => {
      const scorer = new RoleProcess(['score'], {
        ...env,
        CLICKHOUSE_URL: `http://127.0.0.1:${port}/${database}`,
      });
      ends.push(() => {
        scorer.child.kill('SIGCONT');
        return scorer.stop();
      });
      return scorer;
    };
    const offers = () =>
      store.rows<{ account: string; action: string }>(
        `SELECT account_id AS account, action FROM decisions WHERE closed_at IS NULL ORDER BY account, action`,
      );

    const first = start(String(proxy.port));
    await touch();
    await proxy.held;
    first.child.kill('SIGSTOP');
    await contracts(store, 'pro');
    start(new URL(server.url).port);
    await vi.waitFor(async () => expect(await offers()).toHaveLength(ACCOUNTS.length), WAIT);
    proxy.release();
    first.child.kill('SIGCONT');
    // It is one of the group again, and whatever it had in hand is done with.
    await vi.waitFor(async () => {
      const { groups } = await kafka.admin.describeGroups([`${env.KAFKA_GROUP}-score`]);
      expect(groups[0]).toMatchObject({ state: 'Stable', members: { length: 2 } });
    }, WAIT);
    await touch();
    await vi.waitFor(async () => {
      const [committed] = await kafka.admin.fetchOffsets({
        groupId: `${env.KAFKA_GROUP}-score`,
        topics: [names.touched],
      });
      const [end] = await kafka.admin.fetchTopicOffsets(names.touched);
      expect(committed!.partitions[0]!.offset).toBe(end!.high);
    }, WAIT);
    return { store, names, offers };
  }

  // Cases E16, E17: it finished its pass: 22 decisions were open twice, and risks went backwards on their topic.
  it('opens nothing twice and publishes nothing of it, and risks never go backwards', async () => {
    const { store, names, offers } = await frozen('fenced');
    expect(await offers()).toEqual(ACCOUNTS.map((account) => ({ account, action: 'for_pro' })));
    expect(await store.rows('SELECT DISTINCT action FROM decision_events')).toEqual([{ action: 'for_pro' }]);
    const decisions = (await readTopic(names.decisions)).map(({ value }) => value!);
    expect(decisions.length).toBeGreaterThanOrEqual(ACCOUNTS.length);
    for (const text of decisions) expect(text).toContain('for_pro');
    const latest = new Map<string, string>();
    for (const { key, value } of await readTopic(names.risks)) {
      const { as_of: asOf } = (JSON.parse(value!) as { data: { as_of: string } }).data;
      expect(asOf >= (latest.get(key!) ?? '')).toBe(true);
      latest.set(key!, asOf);
    }
    expect(latest.size).toBe(ACCOUNTS.length);
  });

  it('without the fence has opened another offer for everyone: the negative control', async () => {
    const { store } = await frozen('unfenced', (unfenced) =>
      unfenced.command(
        'ALTER TABLE decision_event_log_of_writes MODIFY QUERY SELECT * FROM decision_event_writes',
      ),
    );
    const opened = await store.rows<{ action: string; accounts: number }>(
      `SELECT action, uniqExact(account_id) AS accounts FROM decision_events WHERE event = 'opened' GROUP BY action ORDER BY action`,
    );
    expect(opened).toEqual(['for_basic', 'for_pro'].map((action) => ({ action, accounts: ACCOUNTS.length })));
  });
});
