// A full rescore, everything stored, against the bare feature query alone over the same data, its result thrown away.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadDefinitions } from '../dist/engine/definitions.js';
import { Engine } from '../dist/engine/engine.js';
import { pagesOfAccounts } from '../dist/engine/pages.js';
import { FEATURE_SETTINGS } from '../dist/features/feature-settings.js';
import { featureQuery } from '../dist/features/feature-sql.js';
import { pagesOfNamed } from '../dist/features/named-accounts.js';
import { recentFirst } from '../dist/features/planner/recent-first.js';
import { askedOf } from '../dist/features/read-features.js';
import { migrate } from '../dist/store/migrate.js';
import { openStore } from '../dist/store/open-store.js';
import { silentLogger } from '../dist/telemetry/log.js';
import { addDecisions } from './decision-history.mjs';
import { fillStore } from './fill-store.mjs';
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
await fillStore(store, { subscriptions, signals, receivedAt: 'now64(3)', quiet: values.json });
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
  const { features, alone } = await featuresAlone(asOf);
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

/**
 * The feature query for everyone, page by page as a pass asks it, with what is asked once more of those who were silent lately; the engine
 * drops the results. Returns seconds: of processor time, and on the clock. Whom the second question is about is found out beside the count.
 */
async function featuresAlone(asOf) {
  const settings = Object.entries(FEATURE_SETTINGS).map(([name, value]) => `${name} = ${value}`);
  const { catalogue } = definitions.scoring;
  let [features, alone] = [0, 0];
  const ask = async (question, measures) => {
    const { sql, params } = featureQuery(catalogue, question, measures);
    const start = process.cpuUsage();
    const asked = performance.now();
    await store.text(`${sql} SETTINGS ${settings.join(', ')} FORMAT Null`, params, { lane: 'batch' });
    features += cpuSince(start);
    alone += (performance.now() - asked) / 1000;
    return { sql, params };
  };
  for await (const scope of pagesOfAccounts(store, asOf)) {
    const question = { scope, asOf };
    const { measures } = await askedOf(store, catalogue, question, 'batch');
    const { recent, earlier } = recentFirst(measures);
    const { sql, params } = await ask(question, recent);
    if (earlier.length === 0) continue;
    const lacking = earlier.map(({ name }) => `isNull(${name})`).join(' OR ');
    const silent = await store.rows(
      `SELECT DISTINCT account_id FROM (${sql}) WHERE ${lacking} SETTINGS ${settings.join(', ')}`,
      params,
      { lane: 'batch' },
    );
    for (const named of pagesOfNamed(silent.map(({ account_id }) => account_id)))
      await ask({ scope: named, asOf }, earlier);
  }
  return { features, alone };
}
