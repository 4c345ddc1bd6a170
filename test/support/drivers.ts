import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { projectFile } from './project.js';

/** A program that runs a check of a driver, or why there is none. */
export type Driver =
  | { readonly command: readonly string[] }
  | { readonly command: undefined; readonly why: string };

/** ClickHouse's JDBC driver; Maven fetches its jars once, into lib/ beside the pom. Throws without it when REQUIRE_JAVA is 1. */
export function jdbcDriver(version: '0.9' | '0.10'): Driver {
  const folder = projectFile(`test/support/java/jdbc-${version}`);
  const [pom, lib] = [join(folder, 'pom.xml'), join(folder, 'lib')];
  const command = ['java', '-cp', join(lib, '*'), projectFile('test/support/java/JdbcCheck.java')];
  if (!existsSync(join(lib, 'pom.xml')) || !readFileSync(join(lib, 'pom.xml')).equals(readFileSync(pom))) {
    const partial = `${lib}.${process.pid}`;
    const why = failure('mvn', [
      '-q',
      '-B',
      '-f',
      pom,
      'dependency:copy-dependencies',
      `-DoutputDirectory=${partial}`,
    ]);
    if (why !== undefined) return missing('REQUIRE_JAVA', `no JDBC driver: ${why}`);
    copyFileSync(pom, join(partial, 'pom.xml'));
    rmSync(lib, { recursive: true, force: true });
    renameSync(partial, lib);
  }
  const why = failure('javac', ['-version']);
  return why === undefined ? { command } : missing('REQUIRE_JAVA', `no Java compiler: ${why}`);
}

/** The check of clickhouse-go, built once for its sources. Throws without Go when REQUIRE_GO is 1. */
export function goDriver(): Driver {
  const folder = projectFile('test/support/go');
  const hash = createHash('sha256');
  for (const file of ['go.mod', 'go.sum', 'main.go']) hash.update(readFileSync(join(folder, file)));
  const [binary, mark] = [join(folder, 'bin', 'check'), join(folder, 'bin', 'sources')];
  const sources = hash.digest('hex');
  if (!existsSync(mark) || readFileSync(mark, 'utf8') !== sources) {
    mkdirSync(join(folder, 'bin'), { recursive: true });
    const why = failure('go', ['build', '-C', folder, '-o', binary, '.']);
    if (why !== undefined) return missing('REQUIRE_GO', `no clickhouse-go: ${why}`);
    writeFileSync(mark, sources);
  }
  return { command: [binary] };
}

/** What a command says when it fails; undefined when it does not. */
function failure(file: string, args: readonly string[]): string | undefined {
  const done = spawnSync(file, args, { encoding: 'utf8' });
  return done.status === 0 ? undefined : (done.error?.message ?? `${done.stdout}${done.stderr}`.trim());
}

function missing(variable: string, why: string): Driver {
  if (process.env[variable] === '1') throw new Error(`There is ${why} (${variable}=1)`);
  return { command: undefined, why };
}
