import { systemClock } from '../../core/clock.js';
import type { Engine } from '../../engine/engine.js';
import { Publisher } from '../../engine/kafka/publisher.js';
import { ScoreWorker } from '../../engine/kafka/score-worker.js';
import { createKafka } from '../../kafka/client.js';
import { ConfirmedProducer } from '../../kafka/confirmed-producer.js';
import { topicNames } from '../../kafka/topics.js';
import { feedSettings, type Role } from '../role.js';

/** Bytes of touched messages in one pass: they are tiny, so their number is the limit that counts. */
const BATCH_BYTES = 16_777_216;

/** Scores touched accounts, decides, and publishes both to Kafka. Runs until asked to stop. */
export async function scoreRole(
  { settings, logger, metrics, health, store, brokers, waits, started, stopping }: Role,
  engine: Engine,
): Promise<void> {
  const names = topicNames(settings.KAFKA_TOPIC_PREFIX);
  const kafka = createKafka(settings, logger);
  const producer = new ConfirmedProducer(kafka);
  try {
    const worker = new ScoreWorker({
      feed: {
        ...feedSettings(settings, brokers),
        kafka,
        groupId: `${settings.KAFKA_GROUP}-score`,
        clock: systemClock,
        logger,
        metrics,
        batchRows: settings.SCORE_BATCH_TOUCHES,
        batchBytes: BATCH_BYTES,
        batchMs: settings.SCORE_BATCH_MS,
      },
      touchedTopic: names.touched,
      partitions: await waits.until('the topic of touched accounts', () =>
        producer.partitionsOf(names.touched),
      ),
      engine,
      publisher: new Publisher({ producer, store, topics: names, clock: systemClock, logger, metrics }),
      rescoreMs: settings.SCORE_RESCORE_MINUTES * 60_000,
    });
    health.add('ready', 'broker', () => brokers?.fault());
    health.add('live', 'score', () => worker.notLive());
    health.add('ready', 'score', () => worker.notReady(settings.KAFKA_LAG_LIMIT_S * 1000));
    started();
    await worker.run(stopping);
  } finally {
    await producer.disconnect();
  }
}
