import { systemClock } from '../../core/clock.js';
import type { Engine } from '../../engine/engine.js';
import { LimitsKeeper, sendLimitRequests } from '../../engine/kafka/limits-keeper.js';
import { Publisher } from '../../engine/kafka/publisher.js';
import { ScoreWorker } from '../../engine/kafka/score-worker.js';
import { createKafka } from '../../kafka/client.js';
import { ConfirmedProducer } from '../../kafka/confirmed-producer.js';
import { topicNames } from '../../kafka/topics.js';
import { feedSettings, type Role } from '../role.js';

/** So long the keeper of shared limits gathers what scorers ask: what they ask together goes to the most urgent first. */
const GATHER_MS = 1_000;

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
      partitions: await waits.until(
        'the topic of touched accounts',
        () => producer.partitionsOf(names.touched),
        brokers,
      ),
      engine,
      publisher: new Publisher({ producer, store, topics: names, clock: systemClock, logger, metrics }),
      askLimits: (requests) => sendLimitRequests(producer, names.limits, requests),
      rescoreMs: settings.SCORE_RESCORE_MINUTES * 60_000,
    });
    await waits.until('the topic of limits', () => producer.partitionsOf(names.limits), brokers);
    const keeper = new LimitsKeeper({
      feed: {
        ...feedSettings(settings, brokers),
        kafka,
        groupId: `${settings.KAFKA_GROUP}-limits`,
        clock: systemClock,
        logger,
        metrics,
        batchRows: settings.SCORE_BATCH_TOUCHES,
        batchBytes: BATCH_BYTES,
        batchMs: GATHER_MS,
      },
      limitsTopic: names.limits,
      touchedTopic: names.touched,
      producer,
      store,
    });
    health.add('live', 'limits', () => keeper.notLive());
    health.add('ready', 'broker', () => brokers?.fault());
    health.add('live', 'score', () => worker.notLive());
    health.add('ready', 'score', () => worker.notReady(settings.KAFKA_LAG_LIMIT_S * 1000));
    health.add('ready', 'limits', () => keeper.notReady(settings.KAFKA_LAG_LIMIT_S * 1000));
    started();
    // When one of them ends, the other has no use.
    const ended = new AbortController();
    const both = AbortSignal.any([stopping, ended.signal]);
    await Promise.all([worker, keeper].map((part) => part.run(both).finally(() => ended.abort())));
  } finally {
    await producer.disconnect();
  }
}
