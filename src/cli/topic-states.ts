import type { Settings } from '../core/settings.js';
import { createKafka } from '../kafka/client.js';
import { checkTopics, type TopicState, withAdmin } from '../kafka/topic-admin.js';
import { topicPlans } from '../kafka/topics.js';
import type { Logger } from '../telemetry/log.js';

/** The topics of the settings' brokers, against what Perennial needs. Throws `unavailable` when no broker answers. */
export async function topicStates(settings: Settings, logger: Logger): Promise<readonly TopicState[]> {
  const admin = createKafka(settings, logger).admin();
  return withAdmin(admin, (connected) => checkTopics(connected, topicPlans(settings)));
}
