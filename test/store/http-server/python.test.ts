import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { hashPassword } from '../../../src/store/http-server/password.js';
import { testServer } from './support.js';

const CHECK = fileURLToPath(new URL('./clickhouse_connect_check.py', import.meta.url));
const venv = mkdtempSync(join(tmpdir(), 'perennial-python-'));
afterAll(() => rmSync(venv, { recursive: true, force: true }));

/** A Python with clickhouse-connect: the one that is there, or in CI one with it from PyPI. */
function findPython(): string | undefined {
  const has = (python: string) => spawnSync(python, ['-c', 'import clickhouse_connect']).status === 0;
  const named = process.env.PYTHON ?? 'python3';
  if (has(named)) return named;
  if ((process.env.CI ?? '') === '') return undefined;
  const installed = join(venv, 'bin', 'python');
  spawnSync(named, ['-m', 'venv', venv]);
  spawnSync(installed, ['-m', 'pip', 'install', '--quiet', '--retries', '1', 'clickhouse-connect==1.12.0']);
  return has(installed) ? installed : undefined;
}

const python = findPython();
if (python === undefined) {
  console.warn(
    "Not run: Python's clickhouse-connect against perennial clickhouse. It needs python3 with clickhouse-connect (pip install clickhouse-connect), or CI=1 and PyPI.",
  );
}

it.runIf(python !== undefined)("serves Python's clickhouse-connect unchanged", async () => {
  const passwordHash = await hashPassword('p w:"');
  const t = await testServer({
    users: [
      { name: 'ana', kind: 'full', passwordHash },
      { name: 'data', kind: 'reader', passwordHash },
    ],
  });
  try {
    const args = [CHECK, '127.0.0.1', String(t.server.port), 'ana', 'p w:"', 'data'];
    const child = spawn(python!, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (output += part));
    const [code] = (await once(child, 'close')) as [number];
    expect(output).toMatch(/^clickhouse-connect [\d.]* ?ok/m);
    expect(code).toBe(0);
  } finally {
    await t.close();
  }
});
