import type { TestProject } from 'vitest/node';
import { KafkaCluster } from './kafka-cluster.js';
import { findKafka, type KafkaDistribution } from './kafka-distribution.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Addresses of the broker that the tests share; empty when there is none. */
    kafkaBrokers: string[];
    /** How a test gets a cluster of its own. */
    kafkaDistribution: KafkaDistribution;
  }
}

/**
 * Runs once before the Kafka tests, and only when some are to run: starts the broker they share, or takes the cluster
 * that KAFKA_BROKERS names. Where no broker can be had they are skipped and the last lines of the run say so;
 * REQUIRE_KAFKA=1 makes that a failure.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = (process.env.KAFKA_BROKERS ?? '').split(',').filter((address) => address !== '');
  const distribution = findKafka();
  project.provide('kafkaDistribution', distribution);
  if (given.length > 0) {
    project.provide('kafkaBrokers', given);
    return async () => {
      if (distribution.kind === 'none')
        say(`The tests that stop brokers were skipped: ${distribution.why}, and your cluster is left alone.`);
    };
  }
  if (distribution.kind === 'none') {
    const sentence = `The Kafka tests were SKIPPED: ${distribution.why}. Install Java 17 and Maven, or Docker, or set KAFKA_BROKERS.`;
    if (process.env.REQUIRE_KAFKA === '1') throw new Error(`${sentence} (REQUIRE_KAFKA=1)`);
    project.provide('kafkaBrokers', []);
    return async () => say(sentence);
  }
  const cluster = await KafkaCluster.start(distribution);
  project.provide('kafkaBrokers', cluster.brokers);
  return () => cluster.stop();
}

/** After vitest's own summary, so that nobody takes a skipped run for a passed one. */
function say(sentence: string): void {
  process.stdout.write(`\n${sentence}\n`);
}
