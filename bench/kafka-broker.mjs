// A broker for benchmarks: KAFKA_BROKERS, or one that is started as the tests start theirs.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Addresses, and how to let go. */
export async function startBroker() {
  const given = (process.env.KAFKA_BROKERS ?? '').split(',').filter((address) => address !== '');
  if (given.length > 0) return { brokers: given, stop: async () => {} };
  const options = '--target es2023 --module nodenext --skipLibCheck --types node --outDir .perennial/support';
  const sources = ['test/support/kafka-cluster.ts', 'test/support/kafka-distribution.ts'];
  const tsc = ['node_modules/typescript/bin/tsc', ...options.split(' '), '--ignoreConfig', ...sources];
  const done = spawnSync(process.execPath, tsc, { cwd: root, encoding: 'utf8' });
  if (done.status !== 0) throw new Error(done.stdout + done.stderr);
  const { findKafka } = await import('../.perennial/support/kafka-distribution.js');
  const { KafkaCluster } = await import('../.perennial/support/kafka-cluster.js');
  const distribution = findKafka();
  if (distribution.kind === 'none') throw new Error(`There is no broker: ${distribution.why}.`);
  return KafkaCluster.start(distribution);
}
