// A full rescore, everything stored, against the bare feature query alone over the same data, its result thrown away.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadDefinitions } from '../dist/engine/definitions.js';
import { Engine } from '../dist/engine/engine.js';
import { FEATURE_SETTINGS, featureQuery } from '../dist/features/feature-sql.js';
import { migrate } from '../dist/store/migrate.js';
import { openStore } from '../dist/store/open-store.js';
import { silentLogger } from '../dist/telemetry/log.js';
import { addDecisions } from './decision-history.mjs';
import { MACHINE, median, report } from './harness.mjs';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean' },
    subscriptions: { type: 'string', default: '200000' },
    signals: { type: 'string', default: '20000000' },
    // Decisions that have ended, of each subscription.
    history: { type: 'string', default: '0' },
    rounds: { type: 'string', default: '3' },
    // A folder to keep the data in, for a second run.
    data: { type: 'string' },
  },
});
const subscriptions = Number(values.subscriptions);
const signals = Number(values.signals);
const history = Number(values.history);
const END = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;

const dataDir = values.data ?? mkdtempSync(join(tmpdir(), 'perennial-bench-'));
const store = await openStore({ dataDir });
await migrate(store);
await fill();
await addDecisions(store, subscriptions, history * subscriptions);
const definitions = await loadDefinitions(store, 'scoring', 'rules');

const rescored = [];
const bare = [];
const scanned = [];
let peak = 0;
for (let round = 0; round <= Number(values.rounds); round++) {
  // A day later each time: the day before is history then, as in production.
  const asOf = END + round * DAY;
  const engine = new Engine({
    store,
    definitions,
    clock: () => asOf,
    log: silentLogger(),
    fullRescoreEveryMs: null,
  });
  const rescoreCpu = process.cpuUsage();
  const first = performance.now();
  const summary = await engine.rescoreAll();
  const seconds = (performance.now() - first) / 1000;
  const rescore = cpuSince(rescoreCpu);
  if (summary.subscriptions !== subscriptions)
    throw new Error(`scored ${summary.subscriptions} subscriptions`);
  peak = Math.max(peak, round === 0 ? process.resourceUsage().maxRSS / 1024 : peak);
  const aloneCpu = process.cpuUsage();
  const second = performance.now();
  await featuresAlone(asOf);
  const alone = (performance.now() - second) / 1000;
  const features = cpuSince(aloneCpu);
  const scanCpu = process.cpuUsage();
  await scan();
  const scanOnce = cpuSince(scanCpu);
  const beside = (1e6 * (rescore - features)) / subscriptions;
  if (!values.json)
    process.stderr.write(
      `round ${round}: rescore ${seconds.toFixed(1)} s (processor ${rescore.toFixed(1)} s), feature query alone ${alone.toFixed(1)} s (${features.toFixed(1)} s), FINAL scan ${scanOnce.toFixed(2)} s; beside the feature query ${beside.toFixed(1)} µs of processor time a subscription; ${summary.opened} opened, ${summary.braked} braked\n`,
    );
  if (round === 0 && Number(values.rounds) > 0) continue;
  rescored.push(subscriptions / seconds);
  bare.push(subscriptions / alone);
  scanned.push({ rescore, features, scan: scanOnce });
}
const config = `${subscriptions} subscriptions, ${signals} signals, ${history} past decisions each, ${definitions.scoring.catalogue.features.length} features, ${definitions.plan.set.rules.length} rules, peak memory of the first rescore ${Math.round(peak)} MiB, ${MACHINE}`;
report({ name: 'rescore', config, value: median(rescored), baseline: median(bare) }, values.json);
report(
  {
    name: 'rescore.scan',
    config: `processor time, subscriptions a second of it: full rescore, all stored, against reading the rows of the signals once with FINAL; ${config}`,
    value: subscriptions / median(scanned.map(({ rescore }) => rescore)),
    baseline: subscriptions / median(scanned.map(({ scan }) => scan)),
  },
  values.json,
);
report(
  {
    name: 'rescore.features',
    config: `processor time, subscriptions a second of it: the feature query alone against reading the rows of the signals once with FINAL; ${config}`,
    value: subscriptions / median(scanned.map(({ features }) => features)),
    baseline: subscriptions / median(scanned.map(({ scan }) => scan)),
  },
  values.json,
);
await store.close();
if (values.data === undefined) rmSync(dataDir, { recursive: true, force: true });

/** Processor time of this process, the engine's threads included, in seconds. */
function cpuSince(start) {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e6;
}

/** Every row that a rescore reads of the signals, read once with FINAL; the engine drops the result. */
async function scan() {
  await store.text(
    `SELECT account_id, subscription_id, category, type, occurred_at, value, attributes FROM signal_log FINAL
     SETTINGS do_not_merge_across_partitions_select_final = 1 FORMAT Null`,
    {},
    { lane: 'batch' },
  );
}

/** The feature query for everyone in one go; the engine drops the result. */
async function featuresAlone(asOf) {
  const { sql, params } = featureQuery(definitions.scoring.catalogue, {
    scope: { kind: 'range', first: '', last: '\u{10ffff}' },
    asOf,
  });
  const settings = Object.entries(FEATURE_SETTINGS).map(([name, value]) => `${name} = ${value}`);
  await store.text(`${sql} SETTINGS ${settings.join(', ')} FORMAT Null`, params, { lane: 'batch' });
}

/** Fills the store by SQL: the simulator would take many minutes, and what is measured here does not depend on its subtleties. */
async function fill() {
  const [have] = await store.rows('SELECT count() AS rows FROM signal_log');
  if (have.rows >= signals) return;
  await store.command(
    `INSERT INTO subscription_log (account_id, subscription_id, occurred_at, status, product, plan, tier, segment, region, add_ons, seats, arr_minor,
       currency, start, renewal, auto_renew, notice_days, owner, plan_features, received_at, _topic, _partition, _offset)
     SELECT account, account, '2024-01-01', 'active', 'suite', 'pro', 'gold', ['smb', 'mid_market', 'enterprise'][1 + n % 3], 'emea', [], 10 + n % 90,
       100000 + (n % 1000) * 1000, 'EUR', '2024-01-01', toDateTime64('2026-01-01', 3, 'UTC') + toIntervalDay(n % 365), n % 5 > 0, 30,
       'owner-' || toString(n % 500), 12, '2024-01-01', 'bench', 0, n
     FROM (SELECT number AS n, 'acc-' || leftPad(toString(number), 7, '0') AS account FROM numbers({subscriptions:UInt64}))`,
    { subscriptions },
  );
  const step = 1_000_000;
  for (let from = 0; from < signals; from += step) {
    await store.command(
      `INSERT INTO signal_log (account_id, category, type, occurred_at, source, id, subscription_id, value, attributes, received_at, _topic, _partition, _offset)
       WITH number + {from:UInt64} AS n, cityHash64(n) AS h, h % 100 AS r,
         multiIf(r < 55, 'core_action_completed', r < 70, 'feature_used', r < 78, 'session_started', r < 82, 'active_users_reported', r < 86, 'email_sent',
           r < 88, 'email_clicked', r < 90, 'ticket_opened', r < 92, 'ticket_solved', r < 94, 'invoice_paid', r < 95, 'payment_failed',
           r < 96, 'csat_response', r < 98, 'sentiment_scored', r < 99, 'nps_response', 'meeting_held') AS t
       SELECT 'acc-' || leftPad(toString(cityHash64(h, 1) % {subscriptions:UInt64}), 7, '0'),
         multiIf(r < 82, 'usage', r < 88, 'marketing', r < 92, 'support', r < 95, 'billing', r < 98, 'support', 'marketing'), t,
         toDateTime64('2025-01-01', 3, 'UTC') + toIntervalMillisecond(cityHash64(h, 2) % (365 * 86400000)), 'bench', toString(n), '',
         multiIf(t = 'sentiment_scored', (h % 200) / 100 - 1, t = 'csat_response', 1 + h % 5, t = 'nps_response', h % 11, h % 50),
         multiIf(t = 'core_action_completed', map('action_key', 'a' || toString(h % 9), 'user_ref', 'u' || toString(h % 25)),
           t = 'feature_used', map('feature_key', 'f' || toString(h % 15)), t LIKE 'ticket%', map('ticket_id', 't' || toString(h % 7), 'severity', 'normal'),
           map('client', 'web')),
         now64(3), 'bench', 0, n
       FROM numbers({step:UInt64})`,
      { from, subscriptions, step: Math.min(step, signals - from) },
    );
    if (!values.json) process.stderr.write(`\rfilling: ${Math.round((100 * (from + step)) / signals)} %`);
  }
  await store.command('OPTIMIZE TABLE signal_log FINAL');
  if (!values.json) process.stderr.write('\n');
}
