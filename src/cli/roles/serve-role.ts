import type { Engine } from '../../engine/engine.js';
import { writeBatch } from '../../ingest/batch-writer.js';
import { touchedBy } from '../../ingest/kafka/ingest-worker.js';
import { createKafka } from '../../kafka/client.js';
import { ConfirmedProducer } from '../../kafka/confirmed-producer.js';
import { topicNames } from '../../kafka/topics.js';
import { publishTouched } from '../../kafka/touched.js';
import type { Role } from '../role.js';
import { serveApi } from './serve-api.js';

/**
 * Answers gRPC beside scorers that are told by Kafka what changed: it never scores by itself. Signals sent to it are written,
 * and the scorers are told. Runs until asked to stop.
 */
export async function serveRole(role: Role, engine: Engine, insecure: boolean): Promise<void> {
  const { settings, logger, store, started, stopping } = role;
  const names = topicNames(settings.KAFKA_TOPIC_PREFIX);
  const producer = new ConfirmedProducer(createKafka(settings, logger));
  await producer.connect();
  const api = await serveApi(
    role,
    {
      questions: engine.questions,
      ingest: async (batch) => {
        const written = await writeBatch(store, batch);
        await publishTouched(producer, names.touched, touchedBy(batch, written.accounts));
        return written;
      },
    },
    insecure,
  );
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
