// The long run of the differential test against json-rules-engine: `npm run oracle:rules [runs]`, 200 000 by default.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const runs = process.argv[2] ?? '200000';
const done = spawnSync(
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', 'test/rules/oracle.test.ts'],
  { cwd: root, stdio: 'inherit', env: { ...process.env, PERENNIAL_ORACLE_RUNS: runs } },
);
process.exitCode = done.status ?? 1;
