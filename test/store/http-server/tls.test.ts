import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { watchDoorFiles } from '../../../src/cli/door-files.js';
import { startClickHouseServer } from '../../../src/store/http-server/server.js';
import { readUsers } from '../../../src/store/http-server/users.js';
import { openStore } from '../../../src/store/open-store.js';
import { createLogger } from '../../../src/telemetry/log.js';
import { testAuthority } from '../../support/certificates.js';

const dir = mkdtempSync(join(tmpdir(), 'perennial-tls-'));
const file = (name: string) => join(dir, name);
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const writeUsers = (users: Record<string, string>) =>
  writeFileSync(
    file('users.yaml'),
    `users:\n${Object.entries(users)
      .map(([name, password]) => `  ${name}:\n    kind: full\n    password: ${sha256(password)}\n`)
      .join('')}`,
  );
const [first, second] = [testAuthority(dir, 'first'), testAuthority(dir, 'second')];
const use = (authority: typeof first) => {
  const { cert, key } = authority.issue('door');
  copyFileSync(cert, file('cert.pem'));
  copyFileSync(key, file('key.pem'));
};

let server: Awaited<ReturnType<typeof startClickHouseServer>>;
let unwatch: () => void;
const log: string[] = [];
beforeAll(async () => {
  use(first);
  writeUsers({ ana: 'pw' });
  const tls = first.issue('door');
  server = await startClickHouseServer({
    path: file('data'),
    host: '0.0.0.0',
    tls: { cert: tls.certPem.toString(), key: tls.keyPem.toString() },
    users: readUsers(file('users.yaml')),
  });
  unwatch = await watchDoorFiles(
    server,
    { users: file('users.yaml'), tls: { cert: file('cert.pem'), key: file('key.pem') } },
    createLogger('info', { write: (line) => log.push(line) }),
    20,
  );
});
afterAll(async () => {
  unwatch();
  await server.close();
  rmSync(dir, { recursive: true, force: true });
});

/** What a role finds that is given this authority, user and password. */
async function ask(ca: string, user: string, password: string): Promise<unknown> {
  const store = await openStore({ url: `https://localhost:${server.port}/default`, user, password, ca });
  try {
    return (await store.rows('SELECT 1 AS one'))[0];
  } finally {
    await store.close();
  }
}

it('speaks TLS on a public address, to users only, and to roles that know its authority', async () => {
  expect(server.url).toMatch(/^https:/);
  expect(await ask(first.path, 'ana', 'pw')).toEqual({ one: 1 });
  await expect(ask(first.path, 'ana', 'wrong')).rejects.toThrow(/password/);
  for (const ca of ['', second.path])
    await expect(ask(ca, 'ana', 'pw')).rejects.toMatchObject({
      code: 'unavailable',
      hint: expect.stringContaining('CLICKHOUSE_TLS_CA'),
    });
});

// Bug: it was a defect, and a role ended by it.
it('is waited for by a role that expects no TLS, or TLS where there is none', async () => {
  await expect(openStore({ url: `http://localhost:${server.port}/default` })).rejects.toMatchObject({
    code: 'unavailable',
  });
  const plain = createServer((_request, response) => response.end()).listen(0, '127.0.0.1');
  await once(plain, 'listening');
  const { port } = plain.address() as AddressInfo;
  await expect(openStore({ url: `https://127.0.0.1:${port}/x` })).rejects.toMatchObject({
    code: 'unavailable',
  });
  plain.close();
});

it('takes no authority that can not be read, nor one without https', async () => {
  await expect(ask(file('nothing.pem'), 'ana', 'pw')).rejects.toThrow(
    /CLICKHOUSE_TLS_CA: the file .*nothing\.pem/,
  );
  await expect(openStore({ url: 'http://localhost:1/x', ca: first.path })).rejects.toThrow(
    /begin with https/,
  );
});

it('takes changed users and certificates without a restart, and keeps those before while a file is wrong', async () => {
  writeUsers({ ben: 'other' });
  await vi.waitFor(() => ask(first.path, 'ben', 'other'), 20_000);
  // What was verified before counts no more.
  await expect(ask(first.path, 'ana', 'pw')).rejects.toThrow(/password/);
  writeFileSync(file('users.yaml'), 'users: {}\n');
  await vi.waitFor(() => expect(log.join('')).toMatch(/at least one user/), 20_000);
  expect(await ask(first.path, 'ben', 'other')).toEqual({ one: 1 });
  use(second);
  await vi.waitFor(() => ask(second.path, 'ben', 'other'), 20_000);
});
