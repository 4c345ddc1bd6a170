// What it costs to look at 100,000 contracts as of 50 different times, against as many as of one: processor time in one run.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadDefinitions } from '../dist/engine/definitions.js';
import { observedFeatures } from '../dist/engine/observations/observed-features.js';
import { migrate } from '../dist/store/migrate.js';
import { openStore } from '../dist/store/open-store.js';
import { fillStore } from './fill-store.mjs';
import { MACHINE, median, report } from './harness.mjs';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean' },
    observations: { type: 'string', default: '100000' },
    signals: { type: 'string', default: '10000000' },
    times: { type: 'string', default: '50' },
    rounds: { type: 'string', default: '3' },
  },
});
const [count, signals, times] = [values.observations, values.signals, values.times].map(Number);
const END = Date.UTC(2026, 0, 1);
const WEEK = 7 * 86_400_000;

const dataDir = mkdtempSync(join(tmpdir(), 'perennial-bench-'));
const store = await openStore({ dataDir });
await migrate(store);
// Each arrives as it occurs: an observation knows nothing that came later.
await fillStore(store, { subscriptions: count, signals, receivedAt: 'occurred', quiet: values.json });
const { scoring } = await loadDefinitions(store, 'scoring', 'rules');

/** Of each account one, at one of so many times, a week apart and the last at the end of the year. */
function observationsAt(different) {
  return Array.from({ length: count }, (_, i) => {
    const account = `acc-${String(i).padStart(7, '0')}`;
    const asOf = END - (i % different) * WEEK;
    return { accountId: account, subscriptionId: account, asOf, dueAt: asOf + 30, leadDays: 30, label: 0 };
  });
}

async function cost(different) {
  const cpu = process.cpuUsage();
  let found = 0;
  for await (const { observations } of observedFeatures(store, scoring.catalogue, observationsAt(different)))
    found += observations.length;
  if (found !== count) throw new Error(`${found} of ${count} observations`);
  const { user, system } = process.cpuUsage(cpu);
  return (user + system) / 1e6;
}

const many = [];
const one = [];
for (let round = 0; round <= Number(values.rounds); round++) {
  const [at, once] = [await cost(times), await cost(1)];
  if (round === 0) continue;
  many.push(at);
  one.push(once);
}
const [value, baseline] = [median(many), median(one)];
report(
  {
    name: 'observations',
    config: `processor seconds of ${count} observations at ${times} times, against at one; ${signals} signals, ${scoring.catalogue.features.length} features, ${MACHINE}`,
    value,
    baseline,
    text: `${value.toFixed(1)} s, ${(value / baseline).toFixed(2)} times ${baseline.toFixed(1)} s`,
  },
  values.json,
);
await store.close();
rmSync(dataDir, { recursive: true, force: true });
