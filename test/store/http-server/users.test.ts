import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashPassword, isPasswordHash, verifyPassword } from '../../../src/store/http-server/password.js';
import { startClickHouseServer } from '../../../src/store/http-server/server.js';
import { readUsers } from '../../../src/store/http-server/users.js';
import { namedBlocks } from '../../support/markdown.js';
import { projectFile } from '../../support/project.js';
import { type TestServer, testServer } from './support.js';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describe('passwords', () => {
  it('are told apart by their hash, with a salt of their own each', async () => {
    const [one, two] = [await hashPassword('sécret'), await hashPassword('sécret')];
    expect(one).not.toBe(two);
    expect(await verifyPassword('sécret', one)).toBe(true);
    expect(await verifyPassword('secret', one)).toBe(false);
    expect(await verifyPassword('secret', sha256('secret'))).toBe(true);
    expect(await verifyPassword('other', sha256('secret'))).toBe(false);
  });

  it.each(['', 'secret', 'scrypt$1000000000$8$1$c2FsdA$x', `scrypt$3$8$1$c2FsdA$${'a'.repeat(43)}`])(
    'are never checked against what is no hash: %s',
    async (text) => {
      expect(isPasswordHash(text)).toBe(false);
      expect(await verifyPassword('secret', text)).toBe(false);
    },
  );
});

describe('the users file', () => {
  const dir = mkdtempSync(join(tmpdir(), 'perennial-users-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  const read = (text: string) => {
    const file = join(dir, 'users.yaml');
    writeFileSync(file, text);
    return () => readUsers(file);
  };

  it('gives users with their kind', () => {
    const users = read(`users:\n  ana:\n    kind: reader\n    password: ${sha256('x')}\n`)();
    expect(users).toEqual([{ name: 'ana', kind: 'reader', passwordHash: sha256('x') }]);
  });

  it('says where it is wrong', () => {
    expect(read('users:\n  ana:\n    kind: raeder\n    password: secret\n')).toThrow(
      /users\.yaml:3:11: error[\s\S]*users\.yaml:4:15: error.*hash-password/,
    );
    expect(read(`users:\n  ana:\n    knid: reader\n    password: ${sha256('x')}\n`)).toThrow(
      /users\.yaml:3:5: error.*did you mean `kind`/,
    );
    expect(read(`users:\n  ana:\n    kind: writer\n    password: ${sha256('x')}\n`)).toThrow(
      /a writer has `databases`/,
    );
    expect(read(`users:\n  ana:\n    kind: reader\n    files: true\n    password: ${sha256('x')}\n`)).toThrow(
      /kind full/,
    );
    expect(read('users: {}\n')).toThrow(/at least one user/);
    expect(() => readUsers(join(dir, 'none.yaml'))).toThrow(expect.objectContaining({ code: 'not_found' }));
  });
});

describe('a server with users', () => {
  let t: TestServer;
  beforeAll(async () => {
    t = await testServer({ users: [{ name: 'ana', kind: 'full', passwordHash: await hashPassword('p:w') }] });
  });
  afterAll(() => t.close());
  const ask = async (headers: Record<string, string>, parameters = {}) => {
    const response = await t.http(parameters, { method: 'POST', body: 'SELECT 1', headers });
    return [response.status, response.headers.get('x-clickhouse-exception-code')];
  };
  const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });

  it('lets users in by Basic, by headers and by URL', async () => {
    expect(await ask(basic('ana:p:w'))).toEqual([200, null]);
    expect(await ask({ 'x-clickhouse-user': 'ana', 'x-clickhouse-key': 'p:w' })).toEqual([200, null]);
    expect(await ask({}, { user: 'ana', password: 'p:w' })).toEqual([200, null]);
    const client = t.clientWith({ username: 'ana', password: 'p:w' });
    expect((await client.ping({ select: true })).success).toBe(true);
  });

  it('keeps everyone else out, with the same words for a wrong user and a wrong password', async () => {
    expect(await ask({})).toEqual([401, '194']);
    expect(await ask(basic('ana:wrong'))).toEqual([403, '516']);
    expect(await ask(basic('bob:p:w'))).toEqual([403, '516']);
    expect(await ask(basic('ana'))).toEqual([403, '516']);
    expect(await ask({ 'x-clickhouse-key': 'p:w' })).toEqual([403, '516']);
    expect(await ask({ authorization: 'Bearer x' })).toEqual([401, '194']);
    // A right password once does not open the door to a wrong one later.
    expect(await ask(basic('ana:p:w'))).toEqual([200, null]);
    expect(await ask(basic('ana:p:x'))).toEqual([403, '516']);
    expect((await fetch(`${t.server.url}/ping`)).status).toBe(200);
  });
});

describe('a server without users', () => {
  let t: TestServer;
  beforeAll(async () => {
    t = await testServer();
  });
  afterAll(() => t.close());
  const ask = (headers: Record<string, string>) =>
    new Promise<number>((resolve, reject) => {
      const asked = request(t.server.url, { method: 'POST', headers }, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      });
      asked.once('error', reject);
      asked.end('SELECT 1');
    });

  it('answers local programs and no web page', async () => {
    expect(await ask({})).toBe(200);
    expect(await ask({ host: `localhost:${t.server.port}` })).toBe(200);
    expect(await ask({ origin: 'https://evil.example' })).toBe(403);
    expect(await ask({ 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(await ask({ host: 'rebound.evil.example' })).toBe(403);
  });

  it('is not started on a public address, unless told that it is insecure', async () => {
    const start = (more: object) => startClickHouseServer({ path: t.dataDir, host: '0.0.0.0', ...more });
    await expect(start({})).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringMatching(/no TLS and no users/),
    });
    const users = [{ name: 'a', kind: 'full' as const, passwordHash: sha256('x') }];
    await expect(start({ users })).rejects.toMatchObject({ message: expect.stringMatching(/no TLS\./) });
    const server = await start({ insecure: true });
    await server.close();
  });

  it('says which port is taken', async () => {
    const again = startClickHouseServer({ path: t.dataDir, port: t.server.port });
    await expect(again).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(String(t.server.port)),
    });
  });
});

describe('the page about all this', () => {
  it('has a users file that works, for the password that its examples use', async () => {
    const text = namedBlocks('docs/clickhouse-http.md').get('yaml users.yaml')!;
    const dir = mkdtempSync(join(tmpdir(), 'perennial-users-'));
    try {
      writeFileSync(join(dir, 'users.yaml'), text);
      const users = readUsers(join(dir, 'users.yaml'));
      expect(users.map((user) => [user.name, user.kind])).toEqual([
        ['perennial', 'full'],
        ['analysts', 'reader'],
        ['dbt', 'writer'],
      ]);
      for (const user of users) expect(await verifyPassword('password', user.passwordHash)).toBe(true);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

  it('names every encoding and every user kind', () => {
    const page = readFileSync(projectFile('docs/clickhouse-http.md'), 'utf8');
    for (const name of [
      'zstd',
      'lz4',
      'gzip',
      'br',
      'deflate',
      'xz',
      'snappy',
      '`full`',
      '`writer`',
      '`reader`',
    ]) {
      expect(page).toContain(name);
    }
  });
});
