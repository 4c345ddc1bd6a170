import { expect, it } from 'vitest';
import { readSettings } from '../../src/core/settings.js';
import { checkKafkaSettings } from '../../src/kafka/client.js';
import { topicPlans } from '../../src/kafka/topics.js';

// Bug: what was rejected was written where it was read from, and so rejected, for ever.
it.each(['signals.usage', 'subscriptions', 'outcomes', 'touched', 'risks', 'decisions'])(
  'refuses %s of Perennial itself as the topic of dead letters, before anything is opened',
  (name) => {
    const settings = readSettings({
      KAFKA_BROKERS: 'localhost:9092',
      KAFKA_TOPIC_PREFIX: 'p.',
      KAFKA_DEAD_LETTERS: `p.${name}`,
    });
    expect(() => checkKafkaSettings(settings)).toThrow(`p.${name} is a topic of Perennial itself`);
    expect(() => topicPlans(settings)).toThrow('is a topic of Perennial itself');
  },
);

it('refuses what can be no name of a topic', () => {
  const settings = readSettings({ KAFKA_BROKERS: 'localhost:9092', KAFKA_DEAD_LETTERS: 'dead letters' });
  expect(() => checkKafkaSettings(settings)).toThrow('is no name of a Kafka topic');
});
