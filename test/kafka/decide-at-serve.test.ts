import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { timestampMs, timestampNow } from '@bufbuild/protobuf/wkt';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { EXIT } from '../../src/cli/exit-codes.js';
import {
  Code,
  ConnectError,
  connect,
  DecisionKind,
  DecisionStatus,
  ErrorInfoSchema,
  Moment,
  type Perennial,
} from '../../src/client/index.js';
import { readSettings } from '../../src/core/read-settings.js';
import { createTopics } from '../../src/kafka/topic-admin.js';
import { topicPlans } from '../../src/kafka/topics.js';
import { openStore } from '../../src/store/open-store.js';
import type { Store } from '../../src/store/store.js';
import { describeWithKafka, sharedBrokers, unique, useKafka } from '../support/kafka.js';
import { RoleProcess } from '../support/role-process.js';
import { runCli } from '../support/run-cli.js';
import { servedStore } from '../support/served-store.js';

const WAIT = { timeout: 90_000, interval: 100 };
const RULES = `guardrails: off
rules:
  - name: save_desk
    description: Whoever wants to leave is called.
    priority: 10
    conditions: {all: [{fact: cancel_intent_open, operator: equal, value: true}]}
    event: {type: escalation, params: {topic: save_desk, to: owner}}
`;

describeWithKafka('decisions asked for at serve, which never scores', () => {
  const kafka = useKafka();
  const folder = mkdtempSync(join(tmpdir(), 'perennial-decide-'));
  let served: Awaited<ReturnType<typeof servedStore>>;
  let store: Store;
  let env: Record<string, string>;
  let scorer: RoleProcess;
  let serve: RoleProcess;
  let api: Perennial;

  const ready = (role: RoleProcess) =>
    vi.waitFor(async () => expect(await role.health()).toMatchObject({ ok: true }), WAIT);

  beforeAll(async () => {
    served = await servedStore();
    store = await openStore({ dataDir: '', url: served.url });
    const [rules, guardrails] = RULES.split(/(?<=off\n)/).reverse();
    writeFileSync(join(folder, 'rules.yaml'), rules!);
    writeFileSync(join(folder, 'guardrails.yaml'), guardrails!);
    env = {
      KAFKA_BROKERS: sharedBrokers.join(','),
      KAFKA_TOPIC_PREFIX: `${unique('decide')}.`,
      KAFKA_GROUP: unique('decide'),
      KAFKA_PARTITIONS: '2',
      KAFKA_SESSION_MS: '6000',
      CLICKHOUSE_URL: served.url,
      PERENNIAL_RULES: folder,
      PERENNIAL_GRPC: '127.0.0.1:0',
    };
    await createTopics(kafka.admin, topicPlans(readSettings(env)));
    scorer = new RoleProcess(['score'], env);
    serve = new RoleProcess(['serve'], env);
    await Promise.all([ready(scorer), ready(serve)]);
    api = connect({ server: serve.grpc!, attempts: 1, deadlineMs: 60_000 });
  }, 120_000);
  afterAll(async () => {
    api?.close();
    for (const role of [scorer, serve]) role?.child.kill('SIGKILL');
    await store?.close();
    await served?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(({ task }) => {
    if (task.result?.state !== 'fail') return;
    for (const role of [scorer, serve]) console.error(role.log.slice(-10));
  });

  const send = (subscriptionId: string) =>
    api.customers.upsertSubscriptions({
      subscriptions: [
        { accountId: `of-${subscriptionId}`, subscriptionId, time: timestampNow(), owner: 'olga' },
      ],
    });
  const cancel = (subscriptionId: string, timeoutMs = 60_000) =>
    api.decisions.decide(
      {
        subscriptionId,
        moment: Moment.CANCEL_INTENT,
        reason: 'price',
        requestId: `cancel-${subscriptionId}`,
      },
      { timeoutMs },
    );
  const outcomes = (subscriptionId: string) =>
    store.rows('SELECT kind, reason FROM outcomes WHERE subscription_id = {id:String}', {
      id: subscriptionId,
    });

  it('are made by the scorers, from the facts of that moment, once for each request', async () => {
    await send('s-1');
    const asked = Date.now();
    const answer = await cancel('s-1');
    expect(timestampMs(answer.risk!.asOf!)).toBeGreaterThanOrEqual(asked);
    expect(answer.decisions).toMatchObject([
      { rule: 'save_desk', kind: DecisionKind.ESCALATION, owner: 'olga', status: DecisionStatus.OPEN },
    ]);
    const again = await cancel('s-1');
    expect(again.repeatedAnswer).toBe(true);
    expect(again.decisions).toEqual(answer.decisions);
    expect(await outcomes('s-1')).toEqual([{ kind: 'cancel_intent', reason: 'price' }]);
  });

  it('are answered there, and refused where their status does not allow it', async () => {
    const { decisions } = await api.decisions.listDecisions({ filter: { subscriptionId: 's-1' } });
    const { decisionId } = decisions[0]!;
    const taken = await api.decisions.acknowledgeDecision({ decisionId, actor: 'olga', reason: 'on it' });
    expect(taken.status).toBe(DecisionStatus.ACKNOWLEDGED);
    const refused = await api.decisions
      .acceptDecision({ decisionId })
      .catch((thrown: unknown) => ConnectError.from(thrown));
    expect(refused).toMatchObject({ code: Code.FailedPrecondition });
    expect((refused as ConnectError).findDetails(ErrorInfoSchema)[0]?.reason).toBe('DECISION_STATUS');
    const { events } = await api.decisions.listDecisionEvents({ decisionId });
    expect(events.at(-1)).toMatchObject({ event: 'acknowledged', actor: 'olga', reason: 'on it' });
  });

  // Bug: the command wrote beside the scorers, without their epoch and with shared limits of its own.
  it('are answered by a command that has the store and no API, through the scorers', async () => {
    await send('s-cli');
    const { decisions } = await cancel('s-cli');
    const { decisionId } = decisions[0]!;
    const act = (name: string) => runCli(['decisions', name, decisionId, '--by', 'olga'], env);
    expect(await act('resolve')).toMatchObject({
      code: EXIT.ok,
      stdout: expect.stringContaining('1 changed'),
    });
    expect(await act('acknowledge')).toMatchObject({
      code: EXIT.rejected,
      stdout: expect.stringContaining('1 refused'),
    });
    const events = await store.rows(
      `SELECT event, actor, epoch > 0 AS fenced FROM decision_event_log WHERE decision_id = {id:String} ORDER BY version`,
      { id: decisionId },
    );
    expect(events).toEqual([
      { event: 'opened', actor: 'pass', fenced: 1 },
      { event: 'resolved', actor: 'olga', fenced: 1 },
    ]);
  });

  // Bug: scorers heard of records that a command had stored with their next rescore of everyone, an hour later.
  it('rest on records that a command reads from files, at once', async () => {
    const beside = mkdtempSync(join(tmpdir(), 'perennial-files-'));
    const file = join(beside, 'more.ndjson');
    writeFileSync(
      file,
      `${JSON.stringify({ type: 'subscription.updated', account_id: 'of-file', subscription_id: 's-file', time: new Date().toISOString(), owner: 'olga' })}\n`,
    );
    expect(await runCli(['ingest', file], env)).toMatchObject({
      code: EXIT.ok,
      stdout: expect.stringContaining('The scorers were told'),
    });
    const scored = () => store.rows(`SELECT 1 FROM risks WHERE subscription_id = 's-file'`);
    await vi.waitFor(async () => expect(await scored()).toHaveLength(1), WAIT);
    rmSync(beside, { recursive: true, force: true });
  });

  it('are NOT_FOUND for what does not run, without waiting for a scorer', async () => {
    await expect(cancel('nobody')).rejects.toMatchObject({ code: Code.NotFound });
  });

  it('wait for a scorer to come back, and are made once', async () => {
    await send('s-2');
    scorer.child.kill('SIGKILL');
    await scorer.exited;
    await expect(cancel('s-2', 2_000)).rejects.toMatchObject({ code: Code.DeadlineExceeded });
    scorer = new RoleProcess(['score'], env);
    await ready(scorer);
    const answer = await cancel('s-2');
    expect(answer.decisions).toMatchObject([{ rule: 'save_desk' }]);
    expect(await outcomes('s-2')).toHaveLength(1);
  });
});
