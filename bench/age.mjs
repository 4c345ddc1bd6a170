// The same work on a store with a long past and on a fresh one: a page of risks, a full pass, and the rescore of one account. The
// past: daily passes (a risk a day for every subscription) and decisions that have ended, spread over all of them.
import { fork } from 'node:child_process';
import { on, once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadDefinitions } from '../dist/engine/definitions.js';
import { Engine } from '../dist/engine/engine.js';
import { migrate } from '../dist/store/migrate.js';
import { openStore } from '../dist/store/open-store.js';
import { listRisks } from '../dist/store/risk-list.js';
import { silentLogger } from '../dist/telemetry/log.js';
import { addDecisions } from './decision-history.mjs';
import { MACHINE, median, report } from './harness.mjs';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean' },
    subscriptions: { type: 'string', default: '5000' },
    signals: { type: 'string', default: '200000' },
    passes: { type: 'string', default: '200' },
    decisions: { type: 'string', default: '2000000' },
    rounds: { type: 'string', default: '7' },
  },
});
const subscriptions = Number(values.subscriptions);
const signals = Number(values.signals);
const passes = Number(values.passes);
const decisions = Number(values.decisions);
const END = Date.UTC(2026, 0, 1);

const WORKS = ['list-risks', 'pass', 'one-account'];

// The embedded engine holds one data directory a process, so each side is a process of its own that works when it is asked to.
if (process.send !== undefined) await serveSide(process.env.BENCH_AGE_SIDE === 'aged');
else await compareSides();

async function compareSides() {
  const sides = ['fresh', 'aged'].map((side) => {
    const child = fork(fileURLToPath(import.meta.url), process.argv.slice(2), {
      execArgv: process.execArgv,
      env: { ...process.env, BENCH_AGE_SIDE: side },
    });
    child.once('exit', (code) => {
      if (code !== 0) process.exit(code ?? 1);
    });
    const ask = async (what) => {
      const answered = once(child, 'message');
      child.send(what);
      return (await answered)[0];
    };
    return { child, ask };
  });
  for (const { ask } of sides) await ask('prepare');
  const times = Object.fromEntries(WORKS.map((name) => [name, [[], []]]));
  for (let round = 0; round <= Number(values.rounds); round++) {
    // In turn, so that a machine whose speed drifts slows both alike. The first round warms up.
    for (const name of WORKS)
      for (const [place, { ask }] of sides.entries()) {
        const took = await ask(name);
        if (round > 0) times[name][place].push(took);
      }
  }
  for (const { child } of sides) child.send('end');
  const config = `${subscriptions} subscriptions, ${signals} signals; behind the aged store ${passes} daily passes and ${decisions} decisions; ${MACHINE}`;
  for (const [name, [young, old]] of Object.entries(times))
    report(
      { name: `age.${name}`, config, value: 1000 / median(old), baseline: 1000 / median(young) },
      values.json,
    );
}

/** Answers with the processor time that a work took, in milliseconds: two processes share the machine. */
async function serveSide(old) {
  let side;
  for await (const [what] of on(process, 'message')) {
    if (what === 'prepare') {
      side = await prepared(old);
      process.send(0);
    } else if (what === 'end') {
      await side.engine.stop();
      await side.store.close();
      rmSync(side.directory, { recursive: true, force: true });
      process.exit();
    } else {
      side.now += 60_000;
      process.send(await processorTime(() => workOf(what, side)));
    }
  }
}

function workOf(what, { store, engine }) {
  if (what === 'list-risks') return listRisks(store, { filter: {} }, 100);
  return what === 'pass' ? engine.rescoreAll() : engine.rescoreAccounts(['acc-0000007']);
}

async function processorTime(work) {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

async function prepared(old) {
  const directory = mkdtempSync(join(tmpdir(), 'perennial-bench-'));
  const store = await openStore({ dataDir: directory });
  await migrate(store);
  await fill(store);
  const definitions = await loadDefinitions(store, 'scoring', 'rules');
  const side = { store, directory, now: END };
  side.engine = new Engine({
    store,
    definitions,
    clock: () => side.now,
    log: silentLogger(),
    fullRescoreEveryMs: null,
  });
  await side.engine.rescoreAll();
  if (old) await age(store);
  for (const table of ['signal_log', 'risk_state', 'risk_day_log', 'decision_state', 'decision_event_log'])
    await store.command(`OPTIMIZE TABLE ${table} FINAL`);
  // As after every pass over everyone. What was stored a moment ago is not summed up yet.
  await new Promise((resolve) => setTimeout(resolve, 6_000));
  await side.engine.rescoreAll();
  return side;
}

async function fill(store) {
  await store.command(
    `INSERT INTO subscription_log (account_id, subscription_id, occurred_at, status, segment, seats, arr_minor, currency, start, renewal, auto_renew, owner, received_at)
     SELECT account, account, '2024-01-01', 'active', ['smb', 'mid_market', 'enterprise'][1 + n % 3], 10 + n % 90, 100000 + (n % 1000) * 1000, 'EUR',
       '2024-01-01', toDateTime64('2026-01-01', 3, 'UTC') + toIntervalDay(n % 365), n % 5 > 0, 'owner-' || toString(n % 500), '2024-01-01'
     FROM (SELECT number AS n, 'acc-' || leftPad(toString(number), 7, '0') AS account FROM numbers({subscriptions:UInt64}))`,
    { subscriptions },
  );
  await store.command(
    `INSERT INTO signal_log (account_id, category, type, occurred_at, source, id, value, received_at)
     WITH number AS n, cityHash64(n) AS h
     SELECT 'acc-' || leftPad(toString(h % {subscriptions:UInt64}), 7, '0'), 'usage', 'core_action_completed',
       toDateTime64('2025-01-01', 3, 'UTC') + toIntervalMillisecond(cityHash64(h, 2) % (365 * 86400000)), 'bench', toString(n), 1, '2026-01-01'
     FROM numbers({signals:UInt64})`,
    { subscriptions, signals },
  );
}

/** What daily passes and two million decisions leave behind. */
async function age(store) {
  await store.command(
    `INSERT INTO risk_day_log SELECT * REPLACE (as_of - toIntervalDay(day_back) AS as_of, toDate(as_of - toIntervalDay(day_back)) AS day)
     FROM risk_day_log ARRAY JOIN range(1, {passes:UInt64} + 1) AS day_back`,
    { passes },
  );
  await addDecisions(store, subscriptions, decisions);
}
