import { systemClock } from '../core/clock.js';
import type { Settings } from '../core/settings.js';
import { createKafka } from '../kafka/client.js';
import { ConfirmedProducer } from '../kafka/confirmed-producer.js';
import { topicNames } from '../kafka/topics.js';
import { publishTouched } from '../kafka/touched.js';
import { silentLogger } from '../telemetry/log.js';

/** Asks the scorers, over Kafka, for a pass over accounts. `asked`: and to say in the store when it is done. */
export type AskScorers = (accounts: readonly string[], asked?: boolean) => Promise<void>;

/** Runs work that asks scorers. Throws `unavailable` where no broker answers. */
export async function withScorers<T>(settings: Settings, work: (ask: AskScorers) => Promise<T>): Promise<T> {
  const producer = new ConfirmedProducer(createKafka(settings, silentLogger()));
  await producer.connect();
  try {
    const { touched } = topicNames(settings.KAFKA_TOPIC_PREFIX);
    return await work((accounts, asked = false) => {
      const since = systemClock();
      return publishTouched(
        producer,
        touched,
        accounts.map((accountId) => ({ accountId, since, asked })),
      );
    });
  } finally {
    await producer.disconnect();
  }
}
