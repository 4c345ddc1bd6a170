import { startApi } from '../../api/server.js';
import { formatAddress } from '../../core/address.js';
import { systemClock } from '../../core/clock.js';
import type { Engine } from '../../engine/engine.js';
import { writeBatch } from '../../ingest/batch-writer.js';
import { touchedBy } from '../../ingest/kafka/ingest-worker.js';
import { createKafka } from '../../kafka/client.js';
import { ConfirmedProducer } from '../../kafka/confirmed-producer.js';
import { topicNames } from '../../kafka/topics.js';
import { publishTouched } from '../../kafka/touched.js';
import { readCatalogueFile } from '../catalogue-file.js';
import type { Role } from '../role.js';

/**
 * Answers gRPC beside scorers that are told by Kafka what changed: it never scores by itself. Signals sent to it are written,
 * and the scorers are told. Runs until asked to stop.
 */
export async function serveRole(
  { settings, logger, store, health, started, stopping }: Role,
  engine: Engine,
  insecure: boolean,
): Promise<void> {
  const catalogue = readCatalogueFile(settings.PERENNIAL_SCORING);
  const names = topicNames(settings.KAFKA_TOPIC_PREFIX);
  const producer = new ConfirmedProducer(createKafka(settings, logger));
  await producer.connect();
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
  started();
  try {
    await stopped(stopping);
  } finally {
    await api.stop();
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
