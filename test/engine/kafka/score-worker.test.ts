import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { StringColumn } from '../../../src/columns/column.js';
import { systemClock } from '../../../src/core/clock.js';
import { PerennialError } from '../../../src/core/errors.js';
import { readTextFiles } from '../../../src/core/text-files.js';
import { type Definitions, loadDefinitions } from '../../../src/engine/definitions.js';
import { Engine } from '../../../src/engine/engine.js';
import { factCatalogue } from '../../../src/engine/facts.js';
import { LimitsKeeper, sendLimitRequests } from '../../../src/engine/kafka/limits-keeper.js';
import { Publisher } from '../../../src/engine/kafka/publisher.js';
import { ScoreWorker } from '../../../src/engine/kafka/score-worker.js';
import type { ConfirmedProducer } from '../../../src/kafka/confirmed-producer.js';
import { loadRuleSet } from '../../../src/rules/load.js';
import { verifiedPlan } from '../../../src/rules/verified-plan.js';
import type { Store } from '../../../src/store/store.js';
import { silentLogger } from '../../../src/telemetry/log.js';
import { createMetrics } from '../../../src/telemetry/metrics.js';
import { businessOf } from '../../support/business.js';
import { describeWithKafka, testClient, unique, useKafka } from '../../support/kafka.js';
import { tempStore } from '../../support/temp-store.js';

const PARTITIONS = 4;

describeWithKafka('a score worker', () => {
  const kafka = useKafka();
  let store: Store;
  let close: () => Promise<void>;
  let definitions: Definitions;
  let accounts: readonly string[];
  const running: { stop(): Promise<void> }[] = [];
  // A store for each test: what one worker has published, no other publishes again.
  beforeEach(async () => {
    ({ store, close } = await tempStore(businessOf()));
    definitions = await loadDefinitions(store, 'scoring', 'rules');
    const rows = await store.rows<{ id: string }>(
      'SELECT DISTINCT account_id AS id FROM accounts ORDER BY id',
    );
    accounts = rows.map(({ id }) => id);
  });
  afterEach(async () => {
    for (const worker of running.splice(0)) await worker.stop();
    await close();
  });

  /** A worker of a group, the messages that it published, and the accounts that it scored, pass by pass. */
  function start(groupId: string, touchedTopic: string, send = async (_topic: string) => {}) {
    const engine = new Engine({
      store,
      definitions,
      clock: systemClock,
      log: silentLogger(),
      fullRescoreEveryMs: null,
    });
    const scored: (readonly string[])[] = [];
    engine.subscribe({
      onScored: ({ batch }) => scored.push((batch.column('account_id') as StringColumn).dictionary),
    });
    const published: { topic: string; value: string }[] = [];
    const producer: Pick<ConfirmedProducer, 'send'> = {
      async send(topic, messages) {
        await send(topic);
        for (const { value } of messages) published.push({ topic, value: String(value) });
        return [];
      },
    };
    const feed = (group: string) => ({
      kafka: testClient(),
      groupId: group,
      clock: systemClock,
      logger: silentLogger(),
      metrics: createMetrics(),
      batchRows: 50_000,
      batchBytes: 16_777_216,
      batchMs: 200,
      sessionMs: 6_000,
      rebalanceMs: 30_000,
      stuckMs: 20_000,
      poison: { ratio: 1, window: 1_000, run: 1_000 },
    });
    const real: Pick<ConfirmedProducer, 'send'> = {
      async send(topic, messages) {
        if (messages.length > 0) await kafka.producer.send({ topic, messages: [...messages] });
        return [];
      },
    };
    const limitsTopic = `${touchedTopic}.limits`;
    const keeper = new LimitsKeeper({
      feed: feed(`${groupId}-limits`),
      limitsTopic,
      touchedTopic,
      producer: real,
      store,
    });
    const worker = new ScoreWorker({
      feed: feed(groupId),
      askLimits: (requests) => sendLimitRequests(real, limitsTopic, requests),
      touchedTopic,
      partitions: PARTITIONS,
      engine,
      publisher: new Publisher({
        producer,
        store,
        topics: { risks: 'risks', decisions: 'decisions' },
        clock: systemClock,
        logger: silentLogger(),
        metrics: createMetrics(),
      }),
      rescoreMs: 0,
    });
    const stopping = new AbortController();
    const done = Promise.all([worker.run(stopping.signal), keeper.run(stopping.signal)]);
    running.push({
      async stop() {
        stopping.abort();
        await done;
        await engine.stop();
      },
    });
    return { worker, scored, published };
  }

  async function touchedTopic(): Promise<string> {
    const topic = unique('touched');
    await kafka.createTopic({ topic, numPartitions: PARTITIONS });
    await kafka.createTopic({ topic: `${topic}.limits`, numPartitions: 1 });
    return topic;
  }

  const touch = (topic: string, of: readonly string[]) =>
    kafka.producer.send({ topic, messages: of.map((key) => ({ key, value: '{}' })) });

  // Bug: after an outage a scorer worked through four million touches of some thousand accounts one by one.
  it('takes a backlog of touches as one pass, in which each account counts once', async () => {
    const topic = await touchedTopic();
    for (let i = 0; i < 20; i++) await touch(topic, accounts);
    const { worker, scored } = start(unique('score'), topic);
    await vi.waitFor(
      () => {
        expect(new Set(scored.flat()).size).toBeGreaterThan(accounts.length / 2);
        expect(worker.notReady(1_000)).toBeUndefined();
      },
      { timeout: 60_000, interval: 100 },
    );
    expect(scored.flat().length).toBeLessThan(5 * accounts.length);
  });

  it('shares a rescore of everyone with the other workers of its group, each account with one of them', async () => {
    const topic = await touchedTopic();
    const group = unique('score');
    const workers = [start(group, topic), start(group, topic)];
    // Each has its share once both have joined; a rescore that a rebalance interrupts is repeated by the next turn.
    await vi.waitFor(
      async () => {
        for (const { scored } of workers) scored.length = 0;
        const summaries = await Promise.all(workers.map(({ worker }) => worker.rescoreOwned()));
        for (const summary of summaries) expect(summary?.subscriptions).toBeGreaterThan(0);
        const [one, other] = workers.map(({ scored }) => new Set(scored.flat()));
        expect([...one!].filter((account) => other!.has(account))).toEqual([]);
        const running = await store.rows<{ id: string }>(
          'SELECT DISTINCT account_id AS id FROM risks ORDER BY id',
        );
        expect([...one!, ...other!].sort()).toEqual(running.map(({ id }) => id));
      },
      { timeout: 60_000, interval: 200 },
    );
  });

  it('publishes every decision, also when a broker refused it at first', async () => {
    const topic = await touchedTopic();
    let refusals = 2;
    const { published } = start(unique('score'), topic, async (to) => {
      if (to === 'decisions' && refusals-- > 0)
        throw new PerennialError('unavailable', 'The broker is away.');
    });
    await touch(topic, accounts);
    const events = () => published.filter((message) => message.topic === 'decisions');
    await vi.waitFor(
      async () => {
        const ids = await store.rows<{ id: string }>('SELECT DISTINCT decision_id AS id FROM decisions');
        expect(ids.length).toBeGreaterThan(0);
        const published = events().map(
          ({ value }) =>
            (JSON.parse(value) as { data: { decision: { decision_id: string } } }).data.decision.decision_id,
        );
        expect(new Set(published)).toEqual(new Set(ids.map(({ id }) => id)));
      },
      { timeout: 60_000, interval: 200 },
    );
    expect(refusals).toBeLessThanOrEqual(0);
  });

  // Bug (cases A9, E15): each scorer had its own idea of what was spent, and two of them spent twice the budget.
  it.each([1, 2])(
    'spends a shared budget once, and gives it to the most urgent, with %d scorers',
    async (scorers) => {
      const rules = new Map(readTextFiles('rules'));
      rules.set(
        'everyone.yaml',
        `rules:
  - name: everyone
    priority: 1000
    conditions: { all: [ { fact: arr_minor, operator: greaterThan, value: 1 } ] }
    event: { type: offer, params: { offer: renewal_discount } }
`,
      );
      const facts = factCatalogue(definitions.scoring.catalogue);
      const plan = await verifiedPlan(loadRuleSet(rules, { facts }), null);
      if ('reason' in plan) throw new Error(plan.reason);
      definitions = { ...definitions, plan };
      const ids = Array.from({ length: 60 }, (_, i) => `big-${String(i).padStart(2, '0')}`);
      await store.command(
        `INSERT INTO subscription_log (account_id, subscription_id, occurred_at, status, arr_minor, currency, owner, received_at)
       SELECT id, id, now64(3) - toIntervalDay(1), 'active', 5000000, 'EUR', 'olga', now64(3) FROM (SELECT arrayJoin({ids:Array(String)}) AS id)`,
        { ids },
      );
      const topic = await touchedTopic();
      const group = unique('score');
      const workers = Array.from({ length: scorers }, () => start(group, topic));
      const passes = () =>
        workers.flatMap(({ scored }) => scored.flat()).filter((id) => id === ids[0]).length;
      await touch(topic, ids);
      const spent = async () =>
        (
          await store.rows<{ offers: number; cost: number }>(
            `SELECT count() AS offers, sum(cost_minor) AS cost FROM decisions WHERE action = 'renewal_discount' AND closed_at IS NULL`,
          )
        )[0]!;
      await vi.waitFor(async () => expect((await spent()).offers).toBe(20), {
        timeout: 90_000,
        interval: 200,
      });
      // Asked again and again, by whichever scorer, it stays what the budget allows.
      for (let i = 0; i < 3; i++) {
        const before = passes();
        await touch(topic, ids);
        await vi.waitFor(() => expect(passes()).toBeGreaterThan(before), { timeout: 60_000, interval: 100 });
      }
      expect(await spent()).toEqual({ offers: 20, cost: 10_000_000 });
    },
  );
});
