import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { projectFile } from './project.js';

const FOLDER = projectFile('test/support/python');
const REQUIREMENTS = join(FOLDER, 'requirements.txt');
const VENV = join(FOLDER, 'venv');
/** The list that the packages were installed by, beside them: a change of it installs anew. */
const INSTALLED = join(VENV, 'requirements.txt');

/** A Python with the packages of test/support/python/requirements.txt, or why there is none. */
export type PythonFound = { readonly python: string } | { readonly python: undefined; readonly why: string };

/**
 * Finds a Python with the packages: the one that PYTHON names if it has them, else an environment of its own, which is made once.
 * Throws when there is none and REQUIRE_PYTHON is 1, as in .ci/run.
 */
export function findPython(): PythonFound {
  const named = process.env.PYTHON ?? 'python3';
  const own = join(VENV, 'bin', 'python');
  const packages =
    'clickhouse_connect, sqlalchemy, dbt.cli.main, dbt.adapters.clickhouse, grpc_tools, google.rpc.error_details_pb2';
  if (runs(named, '-c', `import ${packages}`).ok) return { python: named };
  if (existsSync(INSTALLED) && readFileSync(INSTALLED).equals(readFileSync(REQUIREMENTS)))
    return { python: own };
  const fault = install(named);
  if (fault === undefined) return { python: own };
  const why = `There is no Python with ${readFileSync(REQUIREMENTS, 'utf8').trim().replaceAll('\n', ', ')}: ${fault}`;
  if (process.env.REQUIRE_PYTHON === '1') throw new Error(`${why} (REQUIRE_PYTHON=1)`);
  return { python: undefined, why };
}

/** Undefined when it went well. What is half made counts as nothing: the list comes last. */
function install(python: string): string | undefined {
  rmSync(VENV, { recursive: true, force: true });
  const pip = [join(VENV, 'bin', 'python'), '-m', 'pip'] as const;
  const made = runs(python, '-m', 'venv', VENV);
  if (!made.ok) return made.said;
  const filled = runs(
    ...pip,
    'install',
    '--quiet',
    '--disable-pip-version-check',
    '--retries',
    '2',
    '-r',
    REQUIREMENTS,
  );
  if (!filled.ok) return filled.said;
  const partial = `${INSTALLED}.partial`;
  copyFileSync(REQUIREMENTS, partial);
  renameSync(partial, INSTALLED);
  return undefined;
}

function runs(file: string, ...args: string[]): { ok: boolean; said: string } {
  const done = spawnSync(file, args, { encoding: 'utf8' });
  return { ok: done.status === 0, said: done.error?.message ?? `${done.stdout}${done.stderr}`.trim() };
}
