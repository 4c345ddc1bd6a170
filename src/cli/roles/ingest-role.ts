import { systemClock } from '../../core/clock.js';
import { DeadLetters } from '../../ingest/kafka/dead-letters.js';
import { IngestWorker, touchedBy } from '../../ingest/kafka/ingest-worker.js';
import { RecordSettler } from '../../ingest/record-settler.js';
import { createKafka } from '../../kafka/client.js';
import { ConfirmedProducer } from '../../kafka/confirmed-producer.js';
import { deadLetterTopic, inputTopics, topicNames } from '../../kafka/topics.js';
import { publishTouched } from '../../kafka/touched.js';
import { readCatalogueFile } from '../catalogue-file.js';
import { feedSettings, type Role } from '../role.js';

/** From Kafka into the store, telling scorers which accounts changed. Runs until asked to stop. */
export async function ingestRole({
  settings,
  logger,
  metrics,
  health,
  store,
  brokers,
  waits,
  started,
  stopping,
}: Role): Promise<void> {
  const names = topicNames(settings.KAFKA_TOPIC_PREFIX);
  const catalogue = readCatalogueFile(settings.PERENNIAL_SCORING);
  const kafka = createKafka(settings, logger);
  const producer = new ConfirmedProducer(kafka);
  try {
    const letters = deadLetterTopic(settings);
    // Now, rather than with the first message that is rejected.
    if (letters !== undefined)
      await waits.until('the topic of dead letters', () => producer.partitionsOf(letters), brokers);
    const worker = new IngestWorker({
      ...feedSettings(settings, brokers),
      kafka,
      groupId: `${settings.KAFKA_GROUP}-ingest`,
      topics: inputTopics(names),
      names,
      catalogue,
      store,
      producer,
      clock: systemClock,
      logger,
      metrics,
      batchRows: settings.INGEST_BATCH_ROWS,
      batchBytes: settings.INGEST_BATCH_BYTES,
      batchMs: settings.INGEST_BATCH_MS,
      inFlight: settings.INGEST_IN_FLIGHT,
      ...(letters === undefined
        ? {}
        : { deadLetters: new DeadLetters({ producer, topic: letters, logger, metrics }) }),
    });
    health.add('ready', 'broker', () => brokers?.fault());
    health.add('live', 'ingest', () => worker.notLive());
    health.add('ready', 'ingest', () => worker.notReady(settings.KAFKA_LAG_LIMIT_S * 1000));
    const settler = new RecordSettler(
      store,
      (accounts) => publishTouched(producer, names.touched, touchedBy([], accounts, systemClock())),
      metrics,
      logger,
    );
    settler.start();
    started();
    try {
      await worker.run(stopping);
    } finally {
      await settler.stop();
    }
  } finally {
    await producer.disconnect();
  }
}
