// The negative control: an ingest worker with the classic mistake. It reports a batch as done, so that its offsets are
// committed, and inserts it some seconds later, so that whoever looks for the moment between the two can find it. The chaos
// checks must find it out.
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../dist/core/clock.js';
import { readSettings } from '../../dist/core/read-settings.js';
import { writeBatch } from '../../dist/ingest/batch-writer.js';
import { KafkaSource } from '../../dist/ingest/kafka/kafka-source.js';
import { createKafka } from '../../dist/kafka/client.js';
import { inputTopics, topicNames } from '../../dist/kafka/topics.js';
import { EMPTY_CATALOGUE } from '../../dist/signals/catalogue.js';
import { parseMessage } from '../../dist/signals/parse.js';
import { migrate } from '../../dist/store/migrate.js';
import { openStore } from '../../dist/store/open-store.js';
import { silentLogger } from '../../dist/telemetry/log.js';
import { createMetrics } from '../../dist/telemetry/metrics.js';

const settings = readSettings(process.env);
const store = await openStore({ url: settings.CLICKHOUSE_URL });
await migrate(store);
const names = topicNames(settings.KAFKA_TOPIC_PREFIX);
const expected = new Map([
  [names.subscriptions, 'subscription'],
  [names.outcomes, 'outcome'],
]);
const source = new KafkaSource({
  kafka: createKafka(settings, silentLogger()),
  groupId: 'perennial-ingest',
  topics: inputTopics(names),
  parse: ({ topic, body, headers, receivedAt }) =>
    parseMessage({ body, headers }, expected.get(topic) ?? 'signal', {
      receivedAt,
      catalogue: EMPTY_CATALOGUE,
    }),
  clock: systemClock,
  logger: silentLogger(),
  metrics: createMetrics(),
  batchRows: settings.INGEST_BATCH_ROWS,
  batchBytes: settings.INGEST_BATCH_BYTES,
  batchMs: settings.INGEST_BATCH_MS,
  inFlight: settings.INGEST_IN_FLIGHT,
  sessionMs: settings.KAFKA_SESSION_MS,
  rebalanceMs: settings.KAFKA_REBALANCE_MS,
  stuckMs: settings.KAFKA_STUCK_MS,
  poison: { ratio: 1, window: 1_000, run: 100_000 },
});
const stopping = new AbortController();
process.once('SIGTERM', () => stopping.abort());
const inserts = [];
const insertLater = async (batch) => {
  await sleep(5_000);
  await writeBatch(store, batch);
};
await source.run(async (batch) => {
  inserts.push(insertLater(batch));
}, stopping.signal);
await Promise.all(inserts);
await store.close();
process.exit(0);
