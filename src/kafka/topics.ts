import type { Settings } from '../core/settings.js';
import { CATEGORIES } from '../signals/signal.js';

/** The Kafka topics that Perennial reads and writes, by what is in them. */
export interface TopicNames {
  /** usage, billing, support and marketing signals. Key: account. */
  readonly signals: readonly string[];
  readonly subscriptions: string;
  readonly outcomes: string;
  /** Accounts whose signals have changed. Key: account; its partitions split the scoring. */
  readonly touched: string;
  /** The latest risk of every subscription. Key: subscription; compacted. */
  readonly risks: string;
  /** What was opened and closed. Key: account. */
  readonly decisions: string;
}

export function topicNames(prefix: string): TopicNames {
  return {
    signals: CATEGORIES.map((category) => `${prefix}signals.${category}`),
    subscriptions: `${prefix}subscriptions`,
    outcomes: `${prefix}outcomes`,
    touched: `${prefix}touched`,
    risks: `${prefix}risks`,
    decisions: `${prefix}decisions`,
  };
}

/** What ingestion reads. */
export function inputTopics(names: TopicNames): readonly string[] {
  return [...names.signals, names.subscriptions, names.outcomes];
}

/** How a topic should be. */
export interface TopicPlan {
  readonly topic: string;
  readonly partitions: number;
  /** Copies wanted; a smaller cluster gets as many as it has brokers. */
  readonly replication: number;
  readonly config: Readonly<Record<string, string>>;
}

const DAY_MS = 86_400_000;

/** Every topic with its partitions, retention and compaction. */
export function topicPlans(settings: Settings): readonly TopicPlan[] {
  const names = topicNames(settings.KAFKA_TOPIC_PREFIX);
  const base = { partitions: settings.KAFKA_PARTITIONS, replication: settings.KAFKA_REPLICATION };
  const deleted = (days: number): TopicPlan['config'] => ({
    'cleanup.policy': 'delete',
    'retention.ms': String(days * DAY_MS),
  });
  const compacted = { 'cleanup.policy': 'compact', 'min.compaction.lag.ms': '60000' };
  // The broker's time, so that a redelivery arrives when the first delivery did, whatever producers' clocks say.
  const arriving = { ...deleted(settings.KAFKA_RETENTION_DAYS), 'message.timestamp.type': 'LogAppendTime' };
  const plans: TopicPlan[] = [
    ...inputTopics(names).map((topic) => ({ ...base, topic, config: arriving })),
    // A touched account that nobody rescored within a day comes up in the next rescore of everyone.
    { ...base, topic: names.touched, config: { ...deleted(1), 'message.timestamp.type': 'LogAppendTime' } },
    { ...base, topic: names.risks, config: compacted },
    { ...base, topic: names.decisions, config: deleted(settings.KAFKA_RETENTION_DAYS) },
  ];
  const letters = settings.KAFKA_DEAD_LETTERS;
  if (letters !== '') plans.push({ ...base, topic: letters, config: deleted(settings.KAFKA_RETENTION_DAYS) });
  return plans;
}
