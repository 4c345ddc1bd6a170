import { systemClock } from '../../core/clock.js';
import type { Engine } from '../../engine/engine.js';
import { InboxDecider } from '../../engine/inbox-decider.js';
import { writeBatch } from '../../ingest/batch-writer.js';
import { touchedBy } from '../../ingest/kafka/ingest-worker.js';
import { TouchRelay } from '../../ingest/kafka/touch-relay.js';
import { RecordSettler } from '../../ingest/record-settler.js';
import type { Delivery } from '../../ingest/signal-source.js';
import { createKafka } from '../../kafka/client.js';
import { ConfirmedProducer } from '../../kafka/confirmed-producer.js';
import { topicNames } from '../../kafka/topics.js';
import type { Role } from '../role.js';
import { serveApi } from './serve-api.js';

/**
 * Answers gRPC beside scorers that learn from Kafka what changed: it never scores by itself. Signals sent to it are written, and
 * scorers asked to rescore, when a broker answers. None is needed to answer questions and to take signals. Runs until asked to stop.
 */
export async function serveRole(role: Role, engine: Engine, insecure: boolean): Promise<void> {
  const { settings, logger, metrics, store, health, brokers, started, stopping } = role;
  const names = topicNames(settings.KAFKA_TOPIC_PREFIX);
  const producer = new ConfirmedProducer(createKafka(settings, logger));
  const relay = new TouchRelay({
    store,
    producer,
    topic: names.touched,
    logger,
    metrics,
    ...(brokers === undefined ? {} : { brokerState: brokers }),
  });
  relay.start();
  const touch = (accounts: readonly string[], asked = false) => {
    const since = systemClock();
    return relay.touched(accounts.map((accountId) => ({ accountId, since, asked })));
  };
  const ingest = async (batch: readonly Delivery[]) => {
    const written = await writeBatch(store, batch);
    await relay.touched(touchedBy(batch, written.accounts));
    return written;
  };
  const decider = new InboxDecider(store, systemClock, (accounts) => touch(accounts, true));
  const served = {
    questions: engine.questions,
    ingest,
    touch: (accounts: readonly string[]) => touch(accounts),
    get definitions() {
      return engine.definitions;
    },
  };
  const api = await serveApi(role, served, decider, insecure);
  const settler = new RecordSettler(store, (accounts) => touch([...accounts]), metrics, logger);
  settler.start();
  health.add('note', 'broker', () => {
    const fault = brokers?.fault();
    return fault === undefined
      ? undefined
      : `Signals are taken in and questions answered; what is sent now is scored once Kafka answers: ${fault}`;
  });
  started();
  try {
    await stopped(stopping);
  } finally {
    await api.stop();
    await settler.stop();
    await relay.stop();
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
