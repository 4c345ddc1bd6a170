import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { inject } from 'vitest';
import { sharedBrokers } from './kafka.js';

const distribution = inject('kafkaDistribution');

/**
 * Sends each line as a message with Kafka's own producer, the one in Java, on the shared broker. Resolves when all are
 * confirmed.
 */
export async function produceWithJava(
  topic: string,
  lines: readonly string[],
  {
    codec = 'none',
    batchBytes = 16_384,
    properties = {},
  }: {
    readonly codec?: string;
    readonly batchBytes?: number;
    /** How a line is taken apart, such as `parse.headers`. */
    readonly properties?: Readonly<Record<string, string>>;
  },
): Promise<void> {
  const [file, ...args] = command();
  const where = ['--bootstrap-server', sharedBrokers.join(','), '--topic', topic];
  // A batch is sent when it is full, or when all lines are read.
  const how = ['--compression-codec', codec, '--batch-size', String(batchBytes), '--timeout', '60000'];
  const read = Object.entries(properties).flatMap(([name, value]) => ['--property', `${name}=${value}`]);
  const child = spawn(file!, [...args, ...where, ...how, ...read], { stdio: ['pipe', 'ignore', 'pipe'] });
  const errors = text(child.stderr);
  child.stdin.end(lines.map((line) => `${line}\n`).join(''));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`The Java producer ended with ${code}:\n${await errors}`);
}

function command(): string[] {
  switch (distribution.kind) {
    case 'jars':
      return ['java', '-cp', distribution.classpath, 'org.apache.kafka.tools.ConsoleProducer'];
    case 'docker':
      return [
        'docker',
        'run',
        '--rm',
        '-i',
        '--network=host',
        distribution.image,
        '/opt/kafka/bin/kafka-console-producer.sh',
      ];
    case 'none':
      throw new Error(distribution.why);
  }
}
