// How fast signals go from Kafka into ClickHouse, against what neither can do without: the same consumer doing nothing, and
// a bare insert of the same rows. And how fresh risks are: from a produced signal to the risk that knows it, over gRPC.
// Run with `node bench/ingest.mjs [--json] [--signals 200000] [--rounds 3] [--rate 5000] [--seconds 20]` after a build.
// With `--soak 10000000` it measures instead whether the memory of an ingest process stays flat over so many signals.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { connect } from '../dist/client/index.js';
import { readSettings } from '../dist/core/read-settings.js';
import { writeBatch } from '../dist/ingest/batch-writer.js';
import { KafkaSource } from '../dist/ingest/kafka/kafka-source.js';
import { recordReader } from '../dist/ingest/kafka/record-reader.js';
import { createKafka } from '../dist/kafka/client.js';
import { ConfirmedProducer } from '../dist/kafka/confirmed-producer.js';
import { createTopics } from '../dist/kafka/topic-admin.js';
import { topicNames, topicPlans } from '../dist/kafka/topics.js';
import { EMPTY_CATALOGUE } from '../dist/signals/catalogue.js';
import { parseMessage } from '../dist/signals/parse.js';
import { migrate } from '../dist/store/migrate.js';
import { openStore } from '../dist/store/open-store.js';
import { SIGNALS as SIGNALS_TABLE } from '../dist/store/signal-log.js';
import { insertVersions } from '../dist/store/write-records.js';
import { silentLogger } from '../dist/telemetry/log.js';
import { createMetrics } from '../dist/telemetry/metrics.js';
import { MACHINE, median, quantile, report } from './harness.mjs';
import { startBroker } from './kafka-broker.mjs';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    signals: { type: 'string', default: '200000' },
    rounds: { type: 'string', default: '3' },
    rate: { type: 'string', default: '5000' },
    seconds: { type: 'string', default: '20' },
    soak: { type: 'string', default: '0' },
  },
});
const SIGNALS = Number(options.signals);
const ROUNDS = Number(options.rounds);
const RATE = Number(options.rate);
const SECONDS = Number(options.seconds);
const SOAK = Number(options.soak);
const ACCOUNTS = 5_000;
const TOPIC = 'perennial.signals.usage';

const broker = await startBroker();
const folder = mkdtempSync(join(tmpdir(), 'perennial-bench-'));
const settings = readSettings({ KAFKA_BROKERS: broker.brokers.join(',') });
const kafka = createKafka(settings, silentLogger());
const admin = kafka.admin();
await admin.connect();
await createTopics(admin, topicPlans(settings));
await admin.disconnect();
const producer = new ConfirmedProducer(kafka);
await producer.connect();
try {
  if (SOAK > 0) await soak();
  else {
    await throughput();
    await freshness();
  }
} finally {
  await producer.disconnect();
  await broker.stop();
  rmSync(folder, { recursive: true, force: true });
}

function signal(i, time) {
  const account = `account-${(i * 7_919) % ACCOUNTS}`;
  return {
    key: account,
    value: JSON.stringify({
      id: `signal-${i}`,
      source: 'bench',
      category: 'usage',
      type: 'core_action_completed',
      account_id: account,
      time: new Date(time).toISOString(),
      value: 1 + (i % 5),
      attributes: { action_key: `action-${i % 40}`, user_ref: `user-${i % 503}`, client: 'web' },
    }),
  };
}

async function throughput() {
  const start = Date.now() - 86_400_000;
  const rows = [];
  for (let at = 0; at < SIGNALS; at += 10_000) {
    const part = Array.from({ length: Math.min(10_000, SIGNALS - at) }, (_, i) =>
      signal(at + i, start + at + i),
    );
    await producer.send(TOPIC, part);
    for (const [i, { value }] of part.entries()) rows.push(version(Buffer.from(value), TOPIC, at + i));
  }
  const store = await openStore({ dataDir: join(folder, 'throughput') });
  await migrate(store);
  const values = { kafka: [], noop: [], insert: [] };
  const cpu = { kafka: [], noop: [], insert: [] };
  let memory = 0;
  for (let round = 0; round <= ROUNDS; round++) {
    const noop = await withCpu(() => consumeNothing(`noop-${round}`));
    for (const table of ['signal_log', 'record_index']) await store.command(`TRUNCATE TABLE ${table}`);
    const insert = await withCpu(() => insertOnly(store, rows));
    for (const table of ['signal_log', 'record_index']) await store.command(`TRUNCATE TABLE ${table}`);
    const full = await withCpu(() => ingest(store, `kafka-${round}`));
    // The first round only warms up.
    if (round === 0) {
      memory = process.memoryUsage().rss;
      continue;
    }
    for (const [name, side] of Object.entries({ noop, insert, kafka: full })) {
      values[name].push(side.value);
      cpu[name].push(side.micros / SIGNALS);
    }
  }
  const [{ count }] = await store.rows('SELECT count() AS count FROM signals');
  if (count !== SIGNALS) throw new Error(`The store holds ${count} signals instead of ${SIGNALS}.`);
  await store.close();
  const noop = median(values.noop);
  const insert = median(values.insert);
  const grown = Math.round((process.memoryUsage().rss - memory) / 1_048_576);
  const config = `${SIGNALS} signals, 12 partitions, ${MACHINE}`;
  report({ name: 'ingest.noop', config, value: noop, baseline: noop }, options.json);
  report({ name: 'ingest.insert', config, value: insert, baseline: insert }, options.json);
  const kafkaConfig = `${config}, ${grown} MB grown over ${ROUNDS} rounds`;
  const slower = Math.min(noop, insert);
  report(
    { name: 'ingest.kafka', config: kafkaConfig, value: median(values.kafka), baseline: slower },
    options.json,
  );
  // Less is better, so what can't be done without is over what is done: 1 would be nothing but the consumer and the insert.
  const ours = median(cpu.kafka);
  const least = median(cpu.noop) + median(cpu.insert);
  const text = `${ours.toFixed(1)} µs of processor time a signal; ${(least / ours).toFixed(2)} of it are the consumer (${median(cpu.noop).toFixed(1)}) and the insert (${median(cpu.insert).toFixed(1)})`;
  report(
    { name: 'ingest.cpu', config: `${config}, goal 0.8`, value: least, baseline: ours, text },
    options.json,
  );
}

/** Runs work, and says how much processor time all threads of this process took: the embedded store's among them. */
async function withCpu(work) {
  const before = process.cpuUsage();
  const value = await work();
  const { user, system } = process.cpuUsage(before);
  return { value, micros: user + system };
}

/** A row as it is inserted: the first version of a signal. */
function version(body, topic, offset) {
  const receivedAt = Date.now();
  const { signal: value } = parseMessage({ body }, 'signal', { receivedAt, catalogue: EMPTY_CATALOGUE });
  const origin = { topic, partition: 0, offset };
  const held = { again: 0, until: null, ended: '', endedBy: '', load: '' };
  return {
    value,
    content: SIGNALS_TABLE.contentOf(value),
    origin,
    receivedAt,
    arrivedAt: receivedAt,
    ...held,
  };
}

/** Signals a second of a consumer that does nothing, from its first message to its last. */
async function consumeNothing(groupId) {
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 500 });
  await consumer.connect();
  await consumer.subscribe({ topics: [TOPIC], fromBeginning: true });
  let seen = 0;
  let first = 0;
  const rate = await new Promise((resolve, reject) => {
    consumer
      .run({
        autoCommit: false,
        eachBatch: async ({ batch }) => {
          first ||= performance.now();
          seen += batch.messages.length;
          if (seen >= SIGNALS) resolve((SIGNALS * 1000) / (performance.now() - first));
        },
      })
      .catch(reject);
  });
  await consumer.disconnect();
  return rate;
}

/** The same rows, encoded and inserted, and not compared with what is stored. */
async function insertOnly(store, rows) {
  const started = performance.now();
  for (let at = 0; at < rows.length; at += settings.INGEST_BATCH_ROWS)
    await insertVersions(store, SIGNALS_TABLE, rows.slice(at, at + settings.INGEST_BATCH_ROWS));
  return (rows.length * 1000) / (performance.now() - started);
}

async function ingest(store, groupId) {
  const read = recordReader(topicNames(settings.KAFKA_TOPIC_PREFIX), EMPTY_CATALOGUE);
  let first = 0;
  let durable = 0;
  let rate = 0;
  const done = new AbortController();
  const source = new KafkaSource({
    kafka,
    groupId,
    topics: [TOPIC],
    parse: (message) => {
      first ||= performance.now();
      return read(message);
    },
    clock: Date.now,
    logger: silentLogger(),
    metrics: createMetrics(),
    batchRows: settings.INGEST_BATCH_ROWS,
    batchBytes: settings.INGEST_BATCH_BYTES,
    batchMs: settings.INGEST_BATCH_MS,
    inFlight: settings.INGEST_IN_FLIGHT,
    sessionMs: settings.KAFKA_SESSION_MS,
    rebalanceMs: settings.KAFKA_REBALANCE_MS,
    stuckMs: settings.KAFKA_STUCK_MS,
    poison: { ratio: 1, window: 1_000, run: 1_000 },
  });
  await source.run(async (batch) => {
    await writeBatch(store, batch);
    durable += batch.length;
    if (durable < SIGNALS) return;
    rate = (durable * 1000) / (performance.now() - first);
    done.abort();
  }, done.signal);
  return rate;
}

/** The ingest role in a process of its own, its memory read from its metrics at every tenth of the signals. */
async function soak() {
  const child = startCli('ingest', { PERENNIAL_DATA: join(folder, 'soak'), KAFKA_GROUP: 'soak' });
  const { port } = await logged(child, 'Serving /livez, /readyz and /metrics');
  const samples = [];
  const watching = (async () => {
    while (samples.length < 10) {
      await sleep(500);
      const figures = await metricsOf(port);
      const due = (SOAK / 10) * (samples.length + 1);
      if ((figures.get('perennial_ingest_messages_total') ?? 0) >= due)
        samples.push(figures.get('perennial_process_resident_memory_bytes') / 1_048_576);
    }
  })();
  const started = performance.now();
  const first = Date.now() - 86_400_000;
  for (let at = 0; at < SOAK; at += 10_000)
    await producer.send(
      TOPIC,
      Array.from({ length: Math.min(10_000, SOAK - at) }, (_, i) => signal(at + i, first + at + i)),
    );
  await watching;
  const rate = Math.round((SOAK * 1000) / (performance.now() - started));
  child.kill('SIGTERM');
  await once(child, 'exit');
  const config = `MiB of the ingest process after ${SOAK} signals against after a tenth; at each tenth ${samples.map(Math.round).join(' ')}; ${rate} signals/s with their production, ${MACHINE}`;
  const [value, baseline] = [samples.at(-1), samples[0]];
  const text = `${(value / baseline).toFixed(3)} of ${Math.round(baseline)} MiB`;
  report({ name: 'ingest.memory', config, value, baseline, text }, options.json);
}

/** Figures of /metrics by name, summed over labels. */
async function metricsOf(port) {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const figures = new Map();
  for (const [, name, value] of text.matchAll(/^([a-z_]+)(?:\{[^}]*\})? (\S+)$/gm))
    figures.set(name, (figures.get(name) ?? 0) + Number(value));
  return figures;
}

/** Everything in one process, as `perennial up` runs it; another one produces and asks. */
async function freshness() {
  const names = { KAFKA_TOPIC_PREFIX: 'fresh.', KAFKA_GROUP: 'fresh' };
  const plans = topicPlans(readSettings({ ...names, KAFKA_BROKERS: broker.brokers.join(',') }));
  await admin.connect();
  await createTopics(admin, plans);
  await admin.disconnect();
  const child = startCli('up', { ...names, PERENNIAL_DATA: join(folder, 'freshness') });
  const { address } = await logged(child, 'Serving gRPC');
  const client = connect({ server: address });
  const ages = [];
  const asking = [];
  const started = Date.now();
  let sent = 0;
  // The first seconds fill the store and warm up; they are produced but not asked about.
  for (let tick = 0; tick < (SECONDS + 5) * 10; tick++) {
    const now = Date.now();
    const part = Array.from({ length: RATE / 10 }, (_, i) => signal(1e9 + sent + i, now));
    sent += part.length;
    const producedAt = Date.now();
    await producer.send('fresh.signals.usage', part);
    if (tick > 50 && tick % 2 === 0) asking.push(untilFresh(client, part.at(-1).key, producedAt, ages));
    await sleep(Math.max(0, started + (tick + 1) * 100 - Date.now()));
  }
  const achieved = Math.round((sent * 1000) / (Date.now() - started));
  await Promise.all(asking);
  client.close();
  child.kill('SIGTERM');
  await once(child, 'exit');
  const config = `produce to GetRisk at ${achieved} signals/s, p50 ${Math.round(quantile(ages, 0.5))} ms, ${ages.length} samples, goal 2000 ms, ${MACHINE}`;
  const value = quantile(ages, 0.99);
  report(
    { name: 'freshness.p99', config, value, baseline: 2_000, text: `${Math.round(value)} ms` },
    options.json,
  );
}

/** Asks until the risk is as of a time at which the signal had been produced. */
async function untilFresh(client, subscriptionId, producedAt, ages) {
  for (let tries = 0; tries < 1_500; tries++) {
    const risk = await client.risks
      .getRisk({ subject: { case: 'subscriptionId', value: subscriptionId } })
      .catch(() => undefined);
    if (risk?.asOf !== undefined && timestampMs(risk.asOf) >= producedAt) {
      ages.push(Date.now() - producedAt);
      return;
    }
    await sleep(20);
  }
  ages.push(30_000);
}

function startCli(command, env) {
  const cli = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
  return spawn(process.execPath, [...process.execArgv, cli, command], {
    env: {
      ...process.env,
      KAFKA_BROKERS: broker.brokers.join(','),
      PERENNIAL_GRPC: '127.0.0.1:0',
      PERENNIAL_HTTP: '127.0.0.1:0',
      ...env,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

/** The entry of a process's log that has this message. */
async function logged(child, message) {
  for await (const line of createInterface({ input: child.stderr })) {
    const entry = JSON.parse(line);
    if (process.env.BENCH_VERBOSE !== undefined) process.stderr.write(`${line}\n`);
    if (entry.msg === message) {
      child.stderr.resume();
      return entry;
    }
  }
  throw new Error(`The process ended before it logged: ${message}`);
}
