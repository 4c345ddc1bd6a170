import { expect, it } from 'vitest';
import { readSettings } from '../../src/core/read-settings.js';
import { checkKafkaSettings } from '../../src/kafka/client.js';
import { topicPlans } from '../../src/kafka/topics.js';
import { projectFile } from '../support/project.js';

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

// Bug: a client takes them for brokers that are away, and roles waited for those for ever.
it.each(['kafka-1', ':9092', 'kafka-1:0', 'kafka-1:99999', 'PLAINTEXT://kafka-1:9092', 'a:9092,b'])(
  'refuses %s as the address of brokers',
  (addresses) => {
    expect(() => checkKafkaSettings(readSettings({ KAFKA_BROKERS: addresses }))).toThrow(
      /^KAFKA_BROKERS: .* is not host:port\.$/,
    );
    checkKafkaSettings(readSettings({ KAFKA_BROKERS: 'kafka-1:9092, [::1]:9093' }));
  },
);

it('refuses a file that is no PEM where a certificate is to be', () => {
  const tls = { KAFKA_BROKERS: 'kafka-1:9092', KAFKA_TLS: 'true', KAFKA_TLS_CA: projectFile('LICENSE') };
  expect(() => checkKafkaSettings(readSettings(tls))).toThrow(
    /^KAFKA_TLS_CA: the file .*LICENSE is no PEM\.$/,
  );
});
