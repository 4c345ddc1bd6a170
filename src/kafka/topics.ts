import { PerennialError } from '../core/errors.js';
import type { Settings } from '../core/settings.js';
import { CATEGORIES } from '../signals/signal.js';

/** The Kafka topics that Perennial reads and writes, by what is in them. */
export interface TopicNames {
  /** usage, billing, support and marketing signals. Key: account. */
  readonly signals: readonly string[];
  /** Key: account and subscription, as a JSON list; compacted. A message without a value ends the subscription. */
  readonly subscriptions: string;
  readonly outcomes: string;
  /** Accounts whose signals have changed. Key: account; its partitions split the scoring. */
  readonly touched: string;
  /** The latest risk of every subscription. Key: subscription; compacted. */
  readonly risks: string;
  /** What was opened and closed. Key: account. */
  readonly decisions: string;
  /** What scorers ask of the keeper of shared limits. One partition: it has one keeper. */
  readonly limits: string;
}

export function topicNames(prefix: string): TopicNames {
  return {
    signals: CATEGORIES.map((category) => `${prefix}signals.${category}`),
    subscriptions: `${prefix}subscriptions`,
    outcomes: `${prefix}outcomes`,
    touched: `${prefix}touched`,
    risks: `${prefix}risks`,
    decisions: `${prefix}decisions`,
    limits: `${prefix}limits`,
  };
}

/** What ingestion reads. */
export function inputTopics(names: TopicNames): readonly string[] {
  return [...names.signals, names.subscriptions, names.outcomes];
}

const TOPIC_NAME = /^[a-zA-Z0-9._-]{1,249}$/;

/**
 * The topic that rejected messages are copied to; undefined: none. Throws `invalid_argument` for one of Perennial's own topics: what
 * is rejected would be read, and rejected, for ever.
 */
export function deadLetterTopic(
  settings: Pick<Settings, 'KAFKA_DEAD_LETTERS' | 'KAFKA_TOPIC_PREFIX'>,
): string | undefined {
  const topic = settings.KAFKA_DEAD_LETTERS;
  if (topic === '') return undefined;
  const names = topicNames(settings.KAFKA_TOPIC_PREFIX);
  if ([...inputTopics(names), names.touched, names.risks, names.decisions, names.limits].includes(topic))
    throw new PerennialError(
      'invalid_argument',
      `KAFKA_DEAD_LETTERS: ${topic} is a topic of Perennial itself.`,
      {
        hint: 'Name a topic of its own for rejected messages, or none: rejected_signals has them anyway.',
      },
    );
  if (!TOPIC_NAME.test(topic) || /^\.\.?$/.test(topic))
    throw new PerennialError(
      'invalid_argument',
      `KAFKA_DEAD_LETTERS: ${topic} is no name of a Kafka topic.`,
      {
        hint: 'Topics have letters, digits, dots, hyphens and underscores, 249 at most.',
      },
    );
  return topic;
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
  // The broker's time, so that a redelivery arrives when the first delivery did, whatever producers' clocks say. By theirs, what one
  // sends whose clock is an hour ahead is refused, and what one sends whose clock is behind is soon deleted: scorers' events, too.
  const stamped = { 'message.timestamp.type': 'LogAppendTime' };
  const deleted = (days: number): TopicPlan['config'] => ({
    ...stamped,
    'cleanup.policy': 'delete',
    'retention.ms': String(days * DAY_MS),
  });
  const compacted = (lagMs: number): TopicPlan['config'] => ({
    ...stamped,
    'cleanup.policy': 'compact',
    'min.compaction.lag.ms': String(lagMs),
  });
  const arriving = deleted(settings.KAFKA_RETENTION_DAYS);
  // How subscriptions stand is kept for as long as they do. What is younger than the retention is there whole.
  const standing = compacted(settings.KAFKA_RETENTION_DAYS * DAY_MS);
  const plans: TopicPlan[] = [
    ...inputTopics(names).map((topic) => ({
      ...base,
      topic,
      config: topic === names.subscriptions ? standing : arriving,
    })),
    // A touched account that nobody rescored within a day comes up in the next rescore of everyone.
    { ...base, topic: names.touched, config: deleted(1) },
    { ...base, topic: names.risks, config: compacted(60_000) },
    { ...base, topic: names.decisions, config: arriving },
    // What was not answered within a day is asked again by the next pass.
    { ...base, topic: names.limits, partitions: 1, config: deleted(1) },
  ];
  const letters = deadLetterTopic(settings);
  if (letters !== undefined) plans.push({ ...base, topic: letters, config: arriving });
  return plans;
}
