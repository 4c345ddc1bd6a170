// A year of daily passes over a simulated business, in which nobody shows or answers anything: what is opened stays as long as
// its rule lets it. Says how many decisions came back soon after they were cleared, and how much of their time offers lived.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { groupBy } from '../dist/core/group-by.js';
import { stabilityOf } from '../dist/decisions/stability.js';
import { loadDefinitions } from '../dist/engine/definitions.js';
import { SeriesDecisions } from '../dist/engine/series-decisions.js';
import { whatIf } from '../dist/engine/what-if.js';
import { writeBatch } from '../dist/ingest/batch-writer.js';
import { simulate } from '../dist/simulate/simulate.js';
import { migrate } from '../dist/store/migrate.js';
import { openStore } from '../dist/store/open-store.js';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean' },
    accounts: { type: 'string', default: '10000' },
    days: { type: 'string', default: '365' },
    seed: { type: 'string', default: '1' },
    rules: { type: 'string', default: 'rules' },
    // A folder to keep the business in, for a second run.
    data: { type: 'string' },
  },
});
const DAY = 86_400_000;
const END = Date.UTC(2026, 0, 1);
const [accounts, days, seed] = [Number(values.accounts), Number(values.days), Number(values.seed)];
// Before the first pass there is a quarter of which features can speak.
const BEFORE = 90;

const dataDir = values.data ?? mkdtempSync(join(tmpdir(), 'perennial-year-'));
const store = await openStore({ dataDir });
await migrate(store);
await fill();
const definitions = await loadDefinitions(store, 'scoring', values.rules);
const times = Array.from({ length: days }, (_, day) => END - (days - 1 - day) * DAY);
const sink = new SeriesDecisions();
const started = performance.now();
let subscriptions = 0;
let braked = 0;
for await (const pass of whatIf({
  store,
  definitions,
  clock: () => END,
  times,
  knownAt: 'observed',
  sink,
})) {
  ({ subscriptions } = pass);
  braked += pass.braked;
  const done = Math.round((pass.asOf - times[0]) / DAY) + 1;
  if (!values.json && done % 30 === 0)
    process.stderr.write(
      `${done} passes, ${sink.all.length} decisions, ${Math.round((performance.now() - started) / 1000)} s\n`,
    );
}
show(sink.all);
await store.close();
if (values.data === undefined) rmSync(dataDir, { recursive: true, force: true });

function show(decisions) {
  const kinds = ['offer', 'escalation', 'touchpoint'];
  const all = stabilityOf(decisions, END);
  const byKind = Object.fromEntries(
    kinds.map((kind) => [
      kind,
      stabilityOf(
        decisions.filter((decision) => decision.kind === kind),
        END,
      ),
    ]),
  );
  if (values.json) {
    process.stdout.write(`${JSON.stringify({ subscriptions, passes: days, braked, ...all, byKind })}\n`);
    return;
  }
  const share = (part, whole) => (whole === 0 ? '-' : `${((100 * part) / whole).toFixed(2)} %`);
  process.stdout.write(
    `${days} daily passes over ${subscriptions} subscriptions: ${all.opened} decisions opened, ${all.cleared} cleared; ` +
      `${all.reopened} opened again within 14 days of clearing (${share(all.reopened, all.cleared)} of what was cleared, ${share(all.reopened, all.opened)} of all); ` +
      `the median of ${all.unansweredOffers} unanswered offers lived for ${share(all.medianLifeShare ?? 0, 1)} of its time; ` +
      `the brake held ${braked}\n`,
  );
  const byAction = groupBy(decisions, ({ kind, action }) => `${kind} ${action}`);
  for (const [action, some] of [...byAction].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const one = stabilityOf(some, END);
    process.stdout.write(
      `  ${action.padEnd(34)} ${String(one.opened).padStart(6)} opened, ${String(one.cleared).padStart(6)} cleared, ${String(one.reopened).padStart(4)} again within 14 days${one.medianLifeShare === null ? '' : `, median life ${share(one.medianLifeShare, 1)}`}\n`,
    );
  }
}

async function fill() {
  const [{ rows }] = await store.rows('SELECT count() AS rows FROM signal_log');
  if (rows > 0) return;
  const { records } = simulate({ seed, accounts, days: days + BEFORE, end: END });
  let batch = [];
  let offset = 0;
  const flush = async () => {
    await writeBatch(store, batch);
    batch = [];
  };
  for (const record of records()) {
    batch.push({ ...record, origin: { topic: 'simulated', partition: 0, offset: offset++ } });
    if (batch.length === 20_000) await flush();
  }
  await flush();
  if (!values.json) process.stderr.write(`${offset} records of ${accounts} accounts are in the store\n`);
}
