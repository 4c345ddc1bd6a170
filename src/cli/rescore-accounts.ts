import { systemClock } from '../core/clock.js';
import type { Settings } from '../core/settings.js';
import { brokersOf, createKafka } from '../kafka/client.js';
import { ConfirmedProducer } from '../kafka/confirmed-producer.js';
import { topicNames } from '../kafka/topics.js';
import { publishTouched } from '../kafka/touched.js';
import { silentLogger } from '../telemetry/log.js';
import { withEngine, withStore } from './open-engine.js';

/**
 * Has accounts scored whose records a command has changed: by the scorers, where there is a Kafka, else by this process. A store in
 * which nobody was ever scored stays so. Resolves to a sentence that says which.
 */
export async function rescoreAccounts(settings: Settings, accounts: readonly string[]): Promise<string> {
  if (accounts.length === 0) return 'No account is concerned.';
  if (brokersOf(settings).length > 0) {
    await publish(settings, accounts);
    return `The scorers were asked to score ${accounts.length} accounts.`;
  }
  const [row] = await withStore(settings, (store) =>
    store.rows<{ n: number }>(`SELECT count() AS n FROM revisions WHERE kind = 'scoring'`),
  );
  if (row!.n === 0) return 'Nobody was scored yet.';
  const { subscriptions } = await withEngine(settings, 'decide', (engine) =>
    engine.rescoreAccounts(accounts),
  );
  return `Scored ${subscriptions} subscriptions of ${accounts.length} accounts.`;
}

async function publish(settings: Settings, accounts: readonly string[]): Promise<void> {
  const producer = new ConfirmedProducer(createKafka(settings, silentLogger()));
  await producer.connect();
  try {
    const since = systemClock();
    const { touched } = topicNames(settings.KAFKA_TOPIC_PREFIX);
    await publishTouched(
      producer,
      touched,
      accounts.map((accountId) => ({ accountId, since })),
    );
  } finally {
    await producer.disconnect();
  }
}
