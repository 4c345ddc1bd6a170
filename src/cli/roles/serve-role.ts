import { startApi } from '../../api/server.js';
import { formatAddress } from '../../core/address.js';
import { systemClock } from '../../core/clock.js';
import { loadDefinitions } from '../../engine/definitions.js';
import { Engine } from '../../engine/engine.js';
import { writeBatch } from '../../ingest/batch-writer.js';
import { touchedBy } from '../../ingest/kafka/ingest-worker.js';
import { createKafka } from '../../kafka/client.js';
import { ConfirmedProducer } from '../../kafka/confirmed-producer.js';
import { topicNames } from '../../kafka/topics.js';
import { publishTouched } from '../../kafka/touched.js';
import { readCatalogueFile } from '../catalogue-file.js';
import type { Role } from '../role.js';
import { watchRules } from '../rule-reload.js';

/** Others score, in `up` too, and don't tell this engine: a risk it remembers may be this much out of date. */
const REMEMBER_MS = 500;

/**
 * Answers gRPC beside scorers that run elsewhere: it never scores by itself. Signals sent to it are written, and the scorers
 * are told by Kafka. Runs until asked to stop.
 */
export async function serveRole(role: Role, insecure: boolean): Promise<void> {
  const { settings, logger, store, health, stopping } = role;
  const definitions = await loadDefinitions(store, settings.PERENNIAL_SCORING, settings.PERENNIAL_RULES);
  const engine = new Engine({
    store,
    definitions,
    clock: systemClock,
    log: logger,
    fullRescoreEveryMs: null,
    latestRisks: { ttlMs: REMEMBER_MS },
  });
  const catalogue = readCatalogueFile(settings.PERENNIAL_SCORING);
  const names = topicNames(settings.KAFKA_TOPIC_PREFIX);
  const producer = new ConfirmedProducer(createKafka(settings, logger));
  await producer.connect();
  const unwatch = await watchRules(role, engine);
  const api = await startApi({
    engine: {
      questions: engine.questions,
      ingest: async (batch) => {
        const written = await writeBatch(store, batch);
        await publishTouched(producer, names.touched, touchedBy(batch));
        return written;
      },
    },
    catalogue: () => catalogue,
    health,
    clock: systemClock,
    log: logger,
    address: settings.PERENNIAL_GRPC,
    insecure,
  });
  logger.info({ address: formatAddress(api.address) }, 'Serving gRPC');
  try {
    await stopped(stopping);
  } finally {
    await api.stop();
    await unwatch();
    await producer.disconnect();
  }
}

/** Resolves once the signal aborts. */
export function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
