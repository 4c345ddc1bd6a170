import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** How a broker can be had on this machine. */
export type KafkaDistribution =
  | { readonly kind: 'jars'; readonly classpath: string }
  | { readonly kind: 'docker'; readonly image: string }
  | { readonly kind: 'none'; readonly why: string };

// Two folders up, so that it is also found when the benchmark runs this file compiled, from another folder.
const FOLDER = fileURLToPath(new URL('../../test/support/kafka/', import.meta.url));
const LIB = join(FOLDER, 'lib');
const POM = join(FOLDER, 'pom.xml');
/** The list that the jars were fetched by, beside them: a change of it fetches anew. */
const FETCHED = join(LIB, 'pom.xml');
const IMAGE = 'apache/kafka:4.3.0';

const works = (file: string, ...args: string[]) => spawnSync(file, args, { stdio: 'ignore' }).status === 0;

/** Finds or fetches the broker: Java with the jars (Maven fetches them once, into test/support/kafka/lib), else Docker. */
export function findKafka(): KafkaDistribution {
  const java = works('java', '-version');
  const jars = () => ({ kind: 'jars' as const, classpath: join(LIB, '*') });
  if (java && existsSync(FETCHED) && readFileSync(FETCHED).equals(readFileSync(POM))) return jars();
  if (java && works('mvn', '-version')) {
    const fault = fetchJars();
    if (fault === undefined) return jars();
    process.stderr.write(`${fault}\n`);
  }
  if (works('docker', 'info')) return { kind: 'docker', image: IMAGE };
  return { kind: 'none', why: 'there is neither Java with Maven nor a running Docker here' };
}

/** Undefined when it went well. The folder appears whole or not at all, however often this is interrupted. */
function fetchJars(): string | undefined {
  const partial = `${LIB}.${process.pid}`;
  const done = spawnSync(
    'mvn',
    ['-q', '-B', '-f', POM, 'dependency:copy-dependencies', `-DoutputDirectory=${partial}`],
    { encoding: 'utf8' },
  );
  if (done.status === 0) {
    copyFileSync(POM, join(partial, 'pom.xml'));
    rmSync(LIB, { recursive: true, force: true });
    renameSync(partial, LIB);
    return undefined;
  }
  rmSync(partial, { recursive: true, force: true });
  return `Maven could not fetch the Kafka broker: ${done.stdout}${done.stderr}`;
}
