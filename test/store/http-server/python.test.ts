import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { hashPassword } from '../../../src/store/http-server/password.js';
import { findPython } from '../../support/python.js';
import { testServer } from './support.js';

const CHECK = fileURLToPath(new URL('./clickhouse_connect_check.py', import.meta.url));
const found = findPython();
if (found.python === undefined)
  console.warn(`SKIPPED: Python's clickhouse-connect against perennial clickhouse. ${found.why}`);

it.runIf(found.python !== undefined)("serves Python's clickhouse-connect unchanged", async () => {
  const passwordHash = await hashPassword('p w:"');
  const t = await testServer({
    users: [
      { name: 'ana', kind: 'full', passwordHash },
      { name: 'data', kind: 'reader', passwordHash },
    ],
  });
  try {
    const args = [CHECK, '127.0.0.1', String(t.server.port), 'ana', 'p w:"', 'data'];
    const child = spawn(found.python!, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (output += part));
    const [code] = (await once(child, 'close')) as [number];
    expect(output).toMatch(/^clickhouse-connect [\d.]* ?ok/m);
    expect(code).toBe(0);
  } finally {
    await t.close();
  }
});
