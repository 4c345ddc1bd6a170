import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { hashPassword } from '../../../src/store/http-server/password.js';
import { startClickHouseServer } from '../../../src/store/http-server/server.js';
import { migrate } from '../../../src/store/migrate.js';
import { openStore } from '../../../src/store/open-store.js';
import { projectFile } from '../../support/project.js';
import { testServer } from './support.js';

async function embeddedStore() {
  const dataDir = mkdtempSync(join(tmpdir(), 'perennial-shared-'));
  const store = await openStore({ dataDir });
  await migrate(store);
  return {
    store,
    dataDir,
    close: async () => {
      await store.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

it('shares the engine with the store of the same process, and leaves it running when it closes', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'perennial-shared-'));
  const store = await openStore({ dataDir });
  const server = await startClickHouseServer({ path: dataDir });
  try {
    await store.command('CREATE TABLE shared (n UInt8) ENGINE = MergeTree ORDER BY n');
    await fetch(server.url, { method: 'POST', body: 'INSERT INTO shared VALUES (1), (2)' });
    const answer = await fetch(server.url, { method: 'POST', body: 'SELECT sum(n) FROM shared' });
    expect(await answer.text()).toBe('3\n');
    await server.close();
    await store.command('INSERT INTO shared VALUES (3)');
    const again = await startClickHouseServer({ path: dataDir });
    const sum = await fetch(again.url, { method: 'POST', body: 'SELECT sum(n) FROM shared' });
    expect(await sum.text()).toBe('6\n');
    await again.close();
  } finally {
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
});

it("lets a reader ask every view and table of Perennial's own", async () => {
  const temp = await embeddedStore();
  const passwordHash = await hashPassword('pw');
  const server = await startClickHouseServer({
    path: temp.dataDir,
    users: [{ name: 'data', kind: 'reader', passwordHash }],
  });
  const ask = async (sql: string, parameters = '') => {
    const headers = { 'x-clickhouse-user': 'data', 'x-clickhouse-key': 'pw' };
    const answer = await fetch(`${server.url}/${parameters}`, { method: 'POST', body: sql, headers });
    return [answer.status, await answer.text()] as const;
  };
  try {
    const [, tables] = await ask(
      "SELECT name FROM system.tables WHERE database = 'default' AND name NOT LIKE '.%'",
    );
    const names = tables.trim().split('\n');
    expect(names).toEqual(expect.arrayContaining(['signals', 'subscriptions', 'risks', 'decisions']));
    for (const name of names)
      expect(await ask(`SELECT count() FROM ${name}`), name).toEqual([200, expect.any(String)]);
    for (const name of names) expect((await ask(`SELECT * FROM ${name} LIMIT 1`))[0], name).toBe(200);
    const page = readFileSync(projectFile('docs/clickhouse-http.md'), 'utf8');
    const examples = [...page.matchAll(/'(SELECT \* FROM [^']+)'/g)].map((match) => match[1]!);
    expect(examples).toHaveLength(3);
    for (const sql of examples) expect((await ask(sql, '?param_least=70'))[0], sql).toBe(200);
  } finally {
    await server.close();
    await temp.close();
  }
});

it('serves another process as its store', async () => {
  const t = await testServer();
  try {
    const store = await openStore({ url: `${t.server.url}/elsewhere` });
    await store.command('CREATE TABLE made (n UInt8) ENGINE = MergeTree ORDER BY n');
    const tables = await t.client.query({ query: 'SHOW TABLES FROM elsewhere', format: 'JSONEachRow' });
    expect(await tables.json()).toEqual(expect.arrayContaining([{ name: 'made' }]));
    await store.close();
  } finally {
    await t.close();
  }
});

// Bug: "This is a defect of Perennial".
it('tells a store that its password is wrong, or that its user may only read', async () => {
  const passwordHash = await hashPassword('pw');
  const t = await testServer({ users: [{ name: 'data', kind: 'reader', passwordHash }] });
  try {
    const refused = { code: 'permission_denied', hint: expect.stringContaining('CLICKHOUSE_USER') };
    for (const password of ['wrong', 'pw'])
      await expect(openStore({ url: t.server.url, user: 'data', password })).rejects.toMatchObject(refused);
  } finally {
    await t.close();
  }
});

it('runs some statements side by side, lets a few wait, and turns the rest away with 503', async () => {
  const t = await testServer({ concurrency: 2, maxWaiting: 1 });
  try {
    const ask = (sql: string) => t.http({}, { method: 'POST', body: sql });
    const slow = 'SELECT sleepEachRow(0.5) FROM numbers(2) SETTINGS max_block_size = 1';
    const answers = await Promise.all([ask(slow), ask(slow), ask(slow), ask(slow), ask(slow)]);
    const statuses = answers.map((answer) => answer.status).sort();
    expect(statuses).toEqual([200, 200, 200, 503, 503]);
    const refused = answers.find((answer) => answer.status === 503)!;
    expect(await refused.text()).toMatch(/^Code: 202\..*\(TOO_MANY_SIMULTANEOUS_QUERIES\)/);
    expect(await (await ask('SELECT 1')).text()).toBe('1\n');
  } finally {
    await t.close();
  }
});

it('leaves a place to full users, however many readers ask', { timeout: 60_000 }, async () => {
  const passwordHash = await hashPassword('pw');
  const t = await testServer({
    concurrency: 2,
    users: [
      { name: 'perennial', kind: 'full', passwordHash },
      { name: 'data', kind: 'reader', passwordHash },
    ],
  });
  try {
    const leave = new AbortController();
    const ask = (user: string, sql: string, signal: AbortSignal | null = null) => {
      const authorization = `Basic ${Buffer.from(`${user}:pw`).toString('base64')}`;
      return t.http({}, { method: 'POST', body: sql, headers: { authorization }, signal });
    };
    const endless = 'SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))';
    // Known already, so that none of the readers below is held up by the hash of its password.
    await (await ask('data', 'SELECT 1')).text();
    const readers = Promise.allSettled([1, 2, 3].map(() => ask('data', endless, leave.signal)));
    const running =
      "SELECT count() FROM system.processes WHERE query LIKE '%sipHash64%' AND query NOT LIKE '%processes%'";
    const count = async () => (await ask('perennial', running)).text();
    await vi.waitFor(async () => expect(await count()).toBe('1\n'), { timeout: 90_000 });
    for (let i = 0; i < 20; i++) expect(await count()).toBe('1\n');
    leave.abort();
    await readers;
    await vi.waitFor(async () => expect(await count()).toBe('0\n'), { timeout: 90_000 });
  } finally {
    await t.close();
  }
});

it('gives a place back although its caller takes the result slowly', async () => {
  const t = await testServer({ concurrency: 1 });
  try {
    const slow = await t.http({}, { method: 'POST', body: 'SELECT number FROM numbers(3000000)' });
    // Nobody reads that answer yet, and the only place is free again all the same.
    const quick = await t.http({}, { method: 'POST', body: 'SELECT 1' });
    expect(await quick.text()).toBe('1\n');
    expect((await slow.text()).endsWith('2999999\n')).toBe(true);
  } finally {
    await t.close();
  }
});

it('refuses a second query of the same id while the first runs', async () => {
  const t = await testServer();
  try {
    const slow = t.http({ query_id: 'x' }, { method: 'POST', body: 'SELECT sleep(1)' });
    const busy = "SELECT count() FROM system.processes WHERE Settings['log_comment'] = 'x'";
    const running = async () => (await t.http({}, { method: 'POST', body: busy })).text();
    await expect.poll(running, { interval: 20 }).toBe('1\n');
    const second = await t.http({ query_id: 'x' }, { method: 'POST', body: 'SELECT 1' });
    expect([second.status, await second.text()]).toEqual([409, expect.stringMatching(/Code: 216/)]);
    expect((await slow).status).toBe(200);
    const third = await t.http({ query_id: 'x' }, { method: 'POST', body: 'SELECT 1' });
    expect(third.status).toBe(200);
  } finally {
    await t.close();
  }
});
