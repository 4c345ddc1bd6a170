import type { Kafka } from 'kafkajs';
import { stableId } from '../../src/core/identity.js';
import { dateTime64 } from '../../src/core/sql-time.js';
import { loadDefinitions } from '../../src/engine/definitions.js';
import { Engine } from '../../src/engine/engine.js';
import { writeBatch } from '../../src/ingest/batch-writer.js';
import type { Delivery } from '../../src/ingest/signal-source.js';
import { topicNames } from '../../src/kafka/topics.js';
import type { Store } from '../../src/store/store.js';
import { silentLogger } from '../../src/telemetry/log.js';
import { AS_OF, type DatasetOptions, dataset, parsed } from './dataset.js';

/** Content of a view, whatever the order and the time of arrival: number of rows and a hash over all. */
const sum = (columns: string, from: string) =>
  `SELECT count() AS rows, toString(sum(cityHash64(${columns}))) AS hash FROM ${from}`;

const CONTENTS = {
  signals: sum(
    'account_id, category, type, occurred_at, source, id, subscription_id, ifNull(value, -1), isNull(value), mapSort(attributes)',
    'signals',
  ),
  subscriptions: sum(
    'account_id, subscription_id, occurred_at, status, plan, ifNull(arr_minor, -1)',
    'subscriptions',
  ),
  outcomes: sum('source, id, account_id, subscription_id, kind, occurred_at', 'outcomes'),
  'rejected messages': sum('raw, reason', '(SELECT DISTINCT raw, reason FROM rejected_signals)'),
} as const;

/** The comparison at the fixed time: every risk, and every decision of one full pass, byte for byte. */
const AT = `as_of = {as_of:DateTime64(3, 'UTC')}`;
const PASS = {
  risks: `SELECT * EXCEPT (computed_at) FROM risk_log FINAL WHERE ${AT} ORDER BY account_id, subscription_id FORMAT JSONEachRow`,
  decisions: `SELECT * EXCEPT (computed_at) FROM decision_log FINAL WHERE ${AT} ORDER BY account_id, subscription_id, decision_id FORMAT JSONEachRow`,
} as const;

/**
 * Puts the data set into a store without Kafka and without any mishap: what every other run must equal.
 *
 * @returns how many messages the data set has
 */
export async function ingestUndisturbed(store: Store, options: DatasetOptions): Promise<number> {
  let batch: Delivery[] = [];
  let offset = 0;
  for (const message of dataset(options)) {
    const origin = { topic: message.topic, partition: 0, offset: offset++ };
    batch.push({ record: parsed(message), origin, receivedAt: AS_OF });
    if (batch.length < 20_000) continue;
    await writeBatch(store, batch);
    batch = [];
  }
  await writeBatch(store, batch);
  return offset;
}

/** One full pass at the fixed time. */
export async function scoreAtFixedTime(store: Store): Promise<void> {
  const definitions = await loadDefinitions(store, 'scoring', 'rules');
  const engine = new Engine({
    store,
    definitions,
    clock: () => AS_OF,
    log: silentLogger(),
    fullRescoreEveryMs: null,
  });
  await engine.scoreAll(AS_OF);
  await engine.stop();
}

/** What of the contents was promised and is not so, in sentences. */
export async function compareContents(reference: Store, run: Store): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const [what, sql] of Object.entries(CONTENTS)) {
    const [want, got] = await Promise.all([reference, run].map((store) => store.rows<Content>(sql)));
    if (want![0]!.rows !== got![0]!.rows)
      faults.push(`${got![0]!.rows} ${what} instead of ${want![0]!.rows}`);
    else if (want![0]!.hash !== got![0]!.hash) faults.push(`${what} with other contents`);
  }
  const twice = await run.rows<{ rows: number }>(
    'SELECT count() - uniqExact(account_id, source, id, category, type, occurred_at) AS rows FROM signals',
  );
  if (twice[0]!.rows !== 0) faults.push(`${twice[0]!.rows} signals twice`);
  return faults;
}

/** What differs between the full passes at the fixed time. */
export async function comparePasses(reference: Store, run: Store): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const [what, sql] of Object.entries(PASS)) {
    const params = { as_of: dateTime64(AS_OF) };
    const [want, got] = await Promise.all([reference, run].map((store) => store.text(sql, params)));
    if (want === '') faults.push(`no ${what} to compare`);
    if (want !== got) faults.push(`${what} differ from those of the undisturbed run`);
  }
  return faults;
}

interface Content {
  readonly rows: number;
  readonly hash: string;
}

/** Every decision state that was stored was published, each under its one id, and nothing else was. */
export async function checkPublished(run: Store, kafka: Kafka): Promise<readonly string[]> {
  const stored = await run.rows<{ decision: string; asOf: number }>(
    `SELECT DISTINCT decision_id AS decision, toUnixTimestamp64Milli(as_of) AS asOf FROM decision_log WHERE NOT ${AT}`,
    { as_of: dateTime64(AS_OF) },
  );
  const published = await readAll(kafka, topicNames('perennial.').decisions);
  const faults: string[] = [];
  if (stored.length === 0) faults.push('no decision was made while chaos reigned');
  const ids = new Set(stored.map(({ decision, asOf }) => stableId('decision', decision, asOf)));
  const missing = [...ids].filter((id) => !published.has(id));
  if (missing.length > 0) faults.push(`${missing.length} decisions were never published`);
  const strange = [...published.keys()].filter((id) => !ids.has(id));
  if (strange.length > 0) faults.push(`${strange.length} ids were published of which no decision is stored`);
  const contents = [...published.values()].filter((texts) => texts.size > 1);
  if (contents.length > 0) faults.push(`${contents.length} ids were published with different contents`);
  return faults;
}

/** All events of a topic by id, each with its distinct texts. */
async function readAll(kafka: Kafka, topic: string): Promise<Map<string, Set<string>>> {
  const admin = kafka.admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  let left = ends.reduce((total, { high, low }) => total + Number(high) - Number(low), 0);
  const events = new Map<string, Set<string>>();
  if (left === 0) return events;
  const consumer = kafka.consumer({ groupId: `check-${Date.now()}` });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        eachMessage: async ({ message }) => {
          const text = message.value!.toString();
          const { id } = JSON.parse(text) as { id: string };
          events.set(id, (events.get(id) ?? new Set()).add(text));
          if (--left === 0) resolve();
        },
      })
      .catch(reject);
  });
  await consumer.disconnect();
  return events;
}
