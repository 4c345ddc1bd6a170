// Ingest of NDJSON lines (read, checked, encoded, stored) against a bare insert of the same rows, encoded beforehand.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import { LIMITS } from '../dist/core/limits.js';
import { readYaml } from '../dist/core/yaml-file.js';
import { writeBatch } from '../dist/ingest/batch-writer.js';
import { ndjsonStreamSource } from '../dist/ingest/ndjson-source.js';
import { loadCatalogue } from '../dist/signals/catalogue.js';
import { simulate } from '../dist/simulate/simulate.js';
import { signalMessage } from '../dist/simulate/wire.js';
import { insertRows } from '../dist/store/encoded-rows.js';
import { migrate } from '../dist/store/migrate.js';
import { openStore } from '../dist/store/open-store.js';
import { encodeVersions } from '../dist/store/record-table.js';
import { SIGNALS } from '../dist/store/signal-log.js';
import { inTurn, MACHINE, report } from './harness.mjs';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean' },
    rounds: { type: 'string', default: '5' },
    signals: { type: 'string', default: '200000' },
  },
});
const wanted = Number(values.signals);
const path = 'scoring/signals.yaml';
const { catalogue } = loadCatalogue(readYaml(path, readFileSync(path, 'utf8')));

const signals = [];
for (const { record, receivedAt } of simulate({ seed: 1, accounts: 500, days: 365 }).records()) {
  if (record.kind === 'signal')
    signals.push({
      value: record.signal,
      receivedAt,
      origin: { topic: 'bench', partition: -1, offset: signals.length + 1 },
    });
  if (signals.length === wanted) break;
}
const lines = Buffer.from(signals.map(({ value }) => `${JSON.stringify(signalMessage(value))}\n`).join(''));
const encoded = [];
for (let i = 0; i < signals.length; i += LIMITS.batchRows)
  encoded.push(encodeVersions(SIGNALS, signals.slice(i, i + LIMITS.batchRows).map(versionOf)));

const dataDir = mkdtempSync(join(tmpdir(), 'perennial-bench-'));
const store = await openStore({ dataDir });
await migrate(store);

/** A signal as the only version of itself. */
function versionOf(arrived) {
  const content = SIGNALS.contentOf(arrived.value);
  return {
    ...arrived,
    content,
    arrivedAt: arrived.receivedAt,
    load: '',
    again: 0,
    until: null,
    ended: '',
    endedBy: '',
  };
}

async function timed(work) {
  for (const table of ['signal_log', 'record_index']) await store.command(`TRUNCATE TABLE ${table}`);
  const started = performance.now();
  await work();
  const perSecond = (1000 * signals.length) / (performance.now() - started);
  const [row] = await store.rows('SELECT count() AS rows FROM signals');
  if (row.rows !== new Set(signals.map(({ value }) => `${value.source} ${value.id}`)).size)
    throw new Error(`stored ${row.rows} signals`);
  return perSecond;
}

const result = await inTurn(
  Number(values.rounds),
  () =>
    timed(() =>
      ndjsonStreamSource('bench', Readable.from(chunks(lines)), { catalogue, clock: Date.now }).run(
        (batch) => writeBatch(store, batch),
        new AbortController().signal,
      ),
    ),
  () =>
    timed(async () => {
      for (const rows of encoded) await insertRows(store, rows);
    }),
);
report(
  { name: 'ingest.file', config: `${signals.length} signals as NDJSON, ${MACHINE}`, ...result },
  values.json,
);
await store.close();
rmSync(dataDir, { recursive: true, force: true });

function* chunks(buffer) {
  for (let i = 0; i < buffer.length; i += 65_536) yield buffer.subarray(i, i + 65_536);
}
