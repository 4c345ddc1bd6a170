import { expect, it, vi } from 'vitest';
import { EXIT } from '../../src/cli/exit-codes.js';
import { RoleProcess } from '../support/role-process.js';
import { runCli } from '../support/run-cli.js';
import { servedStore } from '../support/served-store.js';

/** Patience, and no bound. */
const WAIT = { timeout: 60_000, interval: 100 };

// Bug: it went on, ready, on tables that it did not know, until it was restarted.
it('a role that runs ends when a newer program takes away what it uses, and says which migration', async () => {
  const server = await servedStore();
  const env = { CLICKHOUSE_URL: `${server.url}/default` };
  const role = new RoleProcess(['up'], { ...env, PERENNIAL_GRPC: '127.0.0.1:0' });
  try {
    await vi.waitFor(async () => expect((await role.health()).ok).toBe(true), WAIT);
    const sql = "INSERT INTO perennial_migrations (name, hash, needs) SELECT '9001_gone', 'x', '9000_new'";
    const answer = await fetch(`${server.url}/?database=default`, { method: 'POST', body: sql });
    expect(answer.status).toBe(200);
    expect(await role.exited).toBe(EXIT.unavailable);
    expect(role.log.filter(({ level }) => level === 'error')).toMatchObject([
      { code: 'failed_precondition', msg: expect.stringContaining('9001_gone takes away') },
    ]);
    expect((await runCli(['risks'], env)).stderr).toContain('9000_new');
  } finally {
    await role.stop();
    await server.close();
  }
});
