import kafkajs, { type Admin } from 'kafkajs';
import pRetry from 'p-retry';
import { kafkaError } from './kafka-error.js';
import type { TopicPlan } from './topics.js';

/** How a topic is, against how it should be. */
export interface TopicState {
  readonly topic: string;
  readonly exists: boolean;
  readonly partitions: number;
  readonly replication: number;
  /** What is wrong, in sentences. Empty: all is well. */
  readonly problems: readonly string[];
}

/** Acknowledged means: on at least two brokers, where there are three copies. */
const IN_SYNC = 'min.insync.replicas';

/** Creates the topics that are missing. Existing ones are left as they are: `checkTopics` tells. Returns the created. */
export async function createTopics(admin: Admin, plans: readonly TopicPlan[]): Promise<readonly string[]> {
  const existing = new Set(await admin.listTopics());
  const brokers = (await admin.describeCluster()).brokers.length;
  const missing = plans.filter(({ topic }) => !existing.has(topic));
  if (missing.length === 0) return [];
  await admin.createTopics({
    waitForLeaders: false,
    topics: missing.map(({ topic, partitions, replication, config }) => ({
      topic,
      numPartitions: partitions,
      replicationFactor: Math.min(replication, brokers),
      configEntries: Object.entries({
        ...config,
        ...(Math.min(replication, brokers) >= 3 ? { [IN_SYNC]: '2' } : {}),
      }).map(([name, value]) => ({ name, value })),
    })),
  });
  const created = missing.map(({ topic }) => topic);
  await untilLed(admin, created);
  return created;
}

/** Resolves once brokers know new topics and their leaders. kafkajs's own wait fails when a broker has not heard of one. */
export async function untilLed(admin: Admin, topics: readonly string[]): Promise<void> {
  const look = async () => {
    const { topics: found } = await admin.fetchTopicMetadata({ topics: [...topics] });
    const leaderless = found.filter(({ partitions }) => partitions.some(({ leader }) => leader < 0));
    if (leaderless.length > 0) throw new Error(`${leaderless[0]!.name} has no leader yet.`);
    // Metadata names a leader before it leads: until it does, it refuses to answer.
    for (const topic of topics) await admin.fetchTopicOffsets(topic);
  };
  await pRetry(look, { retries: 30, minTimeout: 50, maxTimeout: 1_000, randomize: true });
}

/** Compares topics with their plans. */
export async function checkTopics(admin: Admin, plans: readonly TopicPlan[]): Promise<readonly TopicState[]> {
  const existing = new Set(await admin.listTopics());
  const present = plans.filter(({ topic }) => existing.has(topic)).map(({ topic }) => topic);
  if (present.length === 0) return plans.map(missing);
  const { topics } = await admin.fetchTopicMetadata({ topics: present });
  const configs = await describe(admin, present);
  const brokers = (await admin.describeCluster()).brokers.length;
  return plans.map((plan) => {
    const metadata = topics.find(({ name }) => name === plan.topic);
    if (metadata === undefined) return missing(plan);
    const partitions = metadata.partitions.length;
    const replication = Math.min(...metadata.partitions.map(({ replicas }) => replicas.length));
    const problems: string[] = [];
    if (partitions !== plan.partitions)
      problems.push(
        `has ${partitions} partitions, not ${plan.partitions}: set KAFKA_PARTITIONS, or create the topic anew; adding partitions moves accounts to others`,
      );
    const copies = Math.min(plan.replication, brokers);
    if (replication < copies) problems.push(`has ${replication} copies, not ${copies}`);
    const config = configs.get(plan.topic) ?? new Map<string, string>();
    for (const [name, value] of Object.entries(plan.config))
      if (config.get(name) !== value)
        problems.push(
          `has ${name}=${config.get(name)}, not ${value}: kafka-configs.sh --bootstrap-server … --alter --topic ${plan.topic} --add-config ${name}=${value}`,
        );
    if (replication >= 3 && Number(config.get(IN_SYNC)) < 2)
      problems.push(
        `has ${IN_SYNC}=${config.get(IN_SYNC)}, not 2: what one broker alone has acknowledged may be lost`,
      );
    return { topic: plan.topic, exists: true, partitions, replication, problems };
  });
}

function missing({ topic }: TopicPlan): TopicState {
  return {
    topic,
    exists: false,
    partitions: 0,
    replication: 0,
    problems: ['does not exist, or this user may not see it'],
  };
}

async function describe(
  admin: Admin,
  topics: readonly string[],
): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: topics.map((name) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name })),
  });
  return new Map(
    resources.map(({ resourceName, configEntries }) => [
      resourceName,
      new Map(configEntries.map(({ configName, configValue }) => [configName, configValue])),
    ]),
  );
}

/** Runs work with a connected admin client. Throws `unavailable` when no broker answers, `permission_denied` when they refuse the user. */
export async function withAdmin<T>(admin: Admin, work: (admin: Admin) => Promise<T>): Promise<T> {
  try {
    await admin.connect();
    return await work(admin);
  } catch (error) {
    throw kafkaError(error);
  } finally {
    await admin.disconnect();
  }
}
