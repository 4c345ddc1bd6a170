import type { Kafka } from 'kafkajs';
import { systemClock } from '../../src/core/clock.js';
import { stableId } from '../../src/core/identity.js';
import { isShared, Ledger } from '../../src/decisions/shared-limits.js';
import { loadDefinitions } from '../../src/engine/definitions.js';
import { whatIf } from '../../src/engine/what-if.js';
import { writeBatch } from '../../src/ingest/batch-writer.js';
import type { Delivery } from '../../src/ingest/signal-source.js';
import { topicNames } from '../../src/kafka/topics.js';
import { recordCurrencies } from '../../src/store/currencies.js';
import { readLedger } from '../../src/store/decision-log.js';
import type { Store } from '../../src/store/store.js';
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
const PASS = {
  risks: `SELECT * EXCEPT (computed_at) FROM run_risks WHERE run = 'fixed' ORDER BY account_id, subscription_id FORMAT JSONEachRow`,
  decisions: `SELECT * EXCEPT (stored_at) FROM run_decisions WHERE run = 'fixed' ORDER BY account_id, subscription_id, decision_id FORMAT JSONEachRow`,
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

/** One full pass at the fixed time, of which sums are shown at the same rates. */
export async function scoreAtFixedTime(store: Store): Promise<void> {
  const definitions = await loadDefinitions(store, 'scoring', 'rules');
  await recordCurrencies(store, definitions.plan.set.currencies);
  const passes = whatIf({ store, definitions, clock: () => AS_OF, times: [AS_OF], run: 'fixed' });
  for await (const { failures } of passes) if (failures.length > 0) throw failures[0]!.error;
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
    const [want, got] = await Promise.all([reference, run].map((store) => store.text(sql)));
    if (want === '') faults.push(`no ${what} to compare`);
    if (want !== got)
      faults.push(`${what} differ from those of the undisturbed run: ${firstDifference(want!, got!)}`);
  }
  return faults;
}

/** The fields that differ in the first row that does. */
function firstDifference(want: string, got: string): string {
  const [wanted, gotten] = [want.split('\n'), got.split('\n')];
  const at = wanted.findIndex((line, i) => line !== gotten[i]);
  const [one, other] = [wanted, gotten].map(
    (lines) => JSON.parse(lines[at] || '{}') as Record<string, unknown>,
  );
  const fields = Object.keys({ ...one, ...other }).filter(
    (name) => JSON.stringify(one![name]) !== JSON.stringify(other![name]),
  );
  const shown = fields.map(
    (name) => `${name} ${JSON.stringify(other![name])} instead of ${JSON.stringify(one![name])}`,
  );
  return `${wanted.length - 1} and ${gotten.length - 1} rows; row ${at + 1}: ${shown.join('; ').slice(0, 2_000)}`;
}

interface Content {
  readonly rows: number;
  readonly hash: string;
}

/** What scorers share they have not exceeded together, and nothing is open twice. */
export async function checkShared(run: Store): Promise<readonly string[]> {
  const faults: string[] = [];
  const { guardrails, currencies } = (await loadDefinitions(run, 'scoring', 'rules')).plan.set;
  const entries = await readLedger(run, 0, null);
  const ledger = new Ledger(entries);
  let limits = 0;
  for (const guardrail of guardrails.filter(isShared)) {
    limits++;
    if (guardrail.kind === 'budget') {
      const { name, currency, days, max_minor: most } = guardrail;
      const committed = ledger.committed(currencies, currency, days, systemClock());
      if (committed === null || committed > most)
        faults.push(`${committed} of the ${most} of ${name} are reserved or spent`);
      continue;
    }
    for (const owner of new Set(entries.map((entry) => entry.owner))) {
      const open = ledger.openOfOwner(owner, guardrail.types);
      if (open > guardrail.max) faults.push(`${open} are open for ${owner}, of at most ${guardrail.max}`);
    }
  }
  if (limits === 0) faults.push('no limit is shared');
  const twice = await run.rows<{ slots: number }>(
    `SELECT count() AS slots FROM (
       SELECT subscription_id, if(kind = 'offer', '', action) AS slot FROM decisions WHERE closed_at IS NULL
       GROUP BY account_id, subscription_id, kind, slot HAVING count() > 1)`,
  );
  if (twice[0]!.slots > 0) faults.push(`${twice[0]!.slots} decisions are open twice`);
  return faults;
}

/** Every event of a decision that was stored was published, each under its one id, and nothing else was. */
export async function checkPublished(run: Store, kafka: Kafka): Promise<readonly string[]> {
  const stored = await run.rows<{ decision: string; version: number }>(
    `SELECT decision_id AS decision, version FROM decision_events WHERE event NOT IN ('condition_false', 'condition_true')`,
  );
  const published = await readAll(kafka, topicNames('perennial.').decisions);
  const faults: string[] = [];
  if (stored.length === 0) faults.push('no decision was made while chaos reigned');
  const ids = new Set(stored.map(({ decision, version }) => stableId('decision', decision, version)));
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
