import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashPassword } from '../../../src/store/http-server/password.js';
import { type TestServer, testServer } from './support.js';

let t: TestServer;
let secret: string;
beforeAll(async () => {
  const hash = await hashPassword('pw');
  t = await testServer({
    users: [
      { name: 'admin', kind: 'full', passwordHash: hash },
      { name: 'files', kind: 'full', files: true, passwordHash: hash },
      { name: 'dbt', kind: 'writer', databases: ['lab', 'lab2'], passwordHash: hash },
      { name: 'data', kind: 'reader', passwordHash: hash },
    ],
    readerSeconds: 20,
  });
  secret = join(t.dataDir, 'secret.csv');
  writeFileSync(secret, 'top-secret\n');
  for (const sql of [
    'CREATE DATABASE shop',
    'CREATE TABLE shop.t (id UInt64, name String) ENGINE = MergeTree ORDER BY id',
    "INSERT INTO shop.t VALUES (1, 'a'), (2, 'b')",
  ]) {
    const { status, text } = await ask('admin', sql);
    if (status !== 200) throw new Error(text);
  }
});
afterAll(() => t.close());

async function ask(user: string, body: string, parameters: Record<string, string> = {}) {
  const authorization = `Basic ${Buffer.from(`${user}:pw`).toString('base64')}`;
  const response = await t.http(parameters, { method: 'POST', body, headers: { authorization } });
  return { status: response.status, text: await response.text() };
}

describe('a writer', () => {
  it('makes, fills, changes and drops what is in its databases, from what it may read', async () => {
    for (const sql of [
      'CREATE DATABASE IF NOT EXISTS lab',
      'CREATE DATABASE lab2 ENGINE = Atomic',
      'CREATE TABLE lab.t (id UInt64 DEFAULT 1, name String CODEC(ZSTD)) ENGINE = ReplacingMergeTree ORDER BY id SETTINGS index_granularity = 1024',
      'INSERT INTO lab.t SELECT id, name FROM shop.t SETTINGS max_threads = 1',
      "INSERT INTO lab.t VALUES (3, 'c')",
      'CREATE OR REPLACE TABLE lab.u ENGINE = MergeTree ORDER BY tuple() AS SELECT * FROM shop.t',
      'CREATE VIEW lab.v AS SELECT count() AS n FROM shop.t',
      "ALTER TABLE lab.t ADD COLUMN more Int8, COMMENT COLUMN name 'x'",
      "ALTER TABLE lab.t UPDATE name = 'd' WHERE id = 3",
      'DELETE FROM lab.t WHERE id = 1',
      'EXCHANGE TABLES lab.t AND lab.u',
      'RENAME TABLE lab.t TO lab.w',
      'OPTIMIZE TABLE lab.u FINAL',
      'TRUNCATE TABLE lab.w',
      'DROP TABLE IF EXISTS lab.w',
      'SET allow_nondeterministic_mutations = 1',
    ])
      expect([sql, await ask('dbt', sql)]).toEqual([sql, { status: 200, text: '' }]);
    expect((await ask('dbt', 'SELECT n FROM lab.v')).text).toBe('2\n');
    expect((await ask('dbt', 'INSERT INTO u FORMAT CSV\n7,x,0\n', { database: 'lab' })).text).toBe('');
    expect((await ask('data', 'SELECT max(id) FROM lab.u')).text).toBe('7\n');
    expect((await ask('dbt', 'DROP DATABASE lab2')).text).toBe('');
    expect((await ask('dbt', 'CREATE DATABASE lab2')).text).toBe('');
  });

  it.each([
    ['an insert elsewhere', "INSERT INTO shop.t VALUES (9, 'x')"],
    ['an insert into the current database', "INSERT INTO t VALUES (9, 'x')"],
    ['a drop elsewhere', 'DROP TABLE shop.t'],
    ['a drop of another database', 'DROP DATABASE shop'],
    ['another database', 'CREATE DATABASE lab3'],
    ['a rename out of its databases', 'RENAME TABLE lab.u TO shop.u'],
    ['an exchange', 'EXCHANGE TABLES lab.u AND shop.t'],
    ['a partition moved out', 'ALTER TABLE lab.u MOVE PARTITION tuple() TO TABLE shop.t'],
    ['a delete elsewhere', 'DELETE FROM shop.t WHERE 1'],
    ['two statements', "INSERT INTO lab.u SELECT 1, 'x', 0; DROP TABLE shop.t"],
    ['a table over a file', () => `CREATE TABLE lab.f (a String) ENGINE = File(CSV, '${secret}')`],
    ['a table over another server', "CREATE TABLE lab.f (a String) ENGINE = URL('http://127.0.0.1:1/', CSV)"],
    [
      'a table over another table',
      'CREATE TABLE lab.b AS shop.t ENGINE = Buffer(shop, t, 1, 1, 1, 1, 1, 1, 1)',
    ],
    ['a table over system tables', "CREATE TABLE lab.m (name String) ENGINE = Merge(system, '.*')"],
    ['a table as a function', () => `CREATE TABLE lab.f AS file('${secret}', 'LineAsString')`],
    [
      'a default that reads a file',
      () => `CREATE TABLE lab.f (a Int8, b String DEFAULT file('${secret}')) ENGINE = Memory`,
    ],
    [
      'a select that reads a file',
      () => `INSERT INTO lab.u SELECT 1, any(line), 0 FROM file('${secret}', 'LineAsString')`,
    ],
    ['rows of a file', () => `INSERT INTO lab.u FROM INFILE '${secret}' FORMAT CSV`],
    ['a view of system tables', 'CREATE VIEW lab.w AS SELECT * FROM system.processes'],
    [
      'a disk of its own',
      () =>
        `CREATE TABLE lab.d (a Int8) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = local, path = '${secret}/')`,
    ],
    [
      'a storage policy',
      "CREATE TABLE lab.d (a Int8) ENGINE = MergeTree ORDER BY a SETTINGS storage_policy = 'x'",
    ],
    [
      'a dictionary',
      () =>
        `CREATE DICTIONARY lab.d (a UInt64) PRIMARY KEY a SOURCE(FILE(path '${secret}' format 'TSV')) LAYOUT(FLAT()) LIFETIME(1)`,
    ],
    [
      'a hook on the inserts of others',
      'CREATE MATERIALIZED VIEW lab.hook ENGINE = Memory AS SELECT throwIf(1) FROM shop.t',
    ],
    [
      'a materialized view into other tables',
      'CREATE MATERIALIZED VIEW lab.hook TO shop.t AS SELECT id, name FROM lab.u',
    ],
    ['a backup', () => `BACKUP TABLE lab.u TO File('${secret}.zip')`],
    ['a frozen copy', "ALTER TABLE lab.u FREEZE WITH NAME 'x'"],
    ['a function', 'CREATE FUNCTION f AS x -> x'],
    ['a user', 'CREATE USER x'],
    ['a grant', 'GRANT ALL ON *.* TO default'],
    ['system', 'SYSTEM STOP MERGES'],
    ['kill', 'KILL QUERY WHERE 1'],
    ['a setting that lifts a limit', 'SELECT 1 SETTINGS max_memory_usage = 0'],
    ['a setting that names a file', "SET format_schema = '/etc/passwd:x'"],
    ['a setting and more', 'SET max_threads = 1; DROP TABLE shop.t'],
    ['the processes', 'SELECT * FROM system.processes'],
  ] as readonly [string, string | (() => string)][])('is refused %s', async (_, sql) => {
    const { status, text } = await ask('dbt', typeof sql === 'string' ? sql : sql());
    expect(text).toMatch(/^Code: \d+\. DB::Exception/);
    expect(text).not.toContain('top-secret');
    expect(status).toBeGreaterThanOrEqual(400);
  });

  it('left no trace outside of its databases with all of that', async () => {
    expect((await ask('admin', 'SELECT count(), any(name) FROM shop.t')).text).toBe('2\ta\n');
    expect((await ask('admin', 'SHOW DATABASES')).text).not.toContain('lab3');
    expect((await ask('admin', 'SHOW TABLES FROM shop')).text).toBe('t\n');
    expect((await ask('admin', 'SHOW TABLES FROM lab')).text).toBe('u\nv\n');
    expect(existsSync(`${secret}.zip`)).toBe(false);
  });

  it('is not given a database of Perennial’s own tables', async () => {
    await ask('admin', 'CREATE TABLE perennial_migrations (name String) ENGINE = MergeTree ORDER BY name');
    const hash = await hashPassword('pw');
    const again = testServer({
      path: t.dataDir,
      users: [{ name: 'dbt', kind: 'writer', databases: ['lab', 'default'], passwordHash: hash }],
    });
    await expect(again).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining('default'),
    });
  });
});

describe('a full user', () => {
  const attempts: readonly [string, () => string][] = [
    ['a file as a table', () => `SELECT * FROM file('${secret}', 'LineAsString')`],
    ['a file in other letters', () => `SELECT * FROM FiLe/**/('${secret}', 'LineAsString')`],
    ['a file in quotes', () => `SELECT * FROM \`fi\\x6ce\`('${secret}', 'LineAsString')`],
    ['a file as a value', () => `SELECT file('${secret}')`],
    ['a file described', () => `DESCRIBE file('${secret}')`],
    ['a file written', () => `INSERT INTO FUNCTION file('${secret}.out', 'CSV', 'a Int8') SELECT 1`],
    ['a table over a file', () => `CREATE TABLE shop.f (a String) ENGINE = File(CSV, '${secret}')`],
    ['a program', () => "SELECT * FROM executable('x', 'CSV', 'a Int8')"],
    ['a backup to a file', () => `BACKUP TABLE shop.t TO File('${secret}.zip')`],
    [
      'a disk of its own',
      () =>
        `CREATE TABLE shop.d (a Int8) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = local, path = '${secret}/')`,
    ],
    ['rows of a file', () => `INSERT INTO shop.t FROM INFILE '${secret}' FORMAT CSV`],
    ['a result in a file', () => `SELECT 1 AS $x$ INTO OUTFILE '${secret}.out' FORMAT TSV`],
    ['a file by its name', () => `SELECT * FROM \`${secret}\``],
  ];
  it.each(attempts)('reaches no file of the machine: %s', async (_, sql) => {
    const { status, text } = await ask('admin', sql());
    expect(text).toMatch(/^Code: \d+\. DB::Exception/);
    expect(text).not.toContain('top-secret');
    expect(status).toBeGreaterThanOrEqual(400);
    for (const end of ['.out', '.zip']) expect(existsSync(secret + end)).toBe(false);
  });

  it('may use the words for other things', async () => {
    const sql =
      "SELECT 'file(1)' AS file, [file] AS url, '/etc/passwd' AS disk FROM shop.t -- file('x')\n LIMIT 1";
    expect((await ask('admin', sql)).status).toBe(200);
  });

  it('reaches files when the users file says so', async () => {
    const { text } = await ask('files', `SELECT * FROM file('${secret}', 'LineAsString')`);
    expect(text).toBe('top-secret\n');
  });

  it('loses none of Perennial’s rows by a slip, and all when that is said', async () => {
    for (const sql of [
      'CREATE DATABASE own',
      'CREATE TABLE own.perennial_migrations (name String) ENGINE = MergeTree ORDER BY name',
      'CREATE TABLE own.signal_log (n UInt64) ENGINE = MergeTree ORDER BY n PARTITION BY n % 2',
      'INSERT INTO own.signal_log SELECT number FROM numbers(1000)',
    ])
      expect((await ask('admin', sql)).text).toBe('');
    for (const [sql, database] of [
      ['DROP TABLE own.signal_log', 'default'],
      ['DROP TABLE signal_log', 'own'],
      ['TRUNCATE TABLE own.signal_log', 'default'],
      ['ALTER TABLE own.signal_log DROP PARTITION 0', 'default'],
      ['DROP DATABASE own', 'default'],
    ] as const)
      expect((await ask('admin', sql, { database })).text).toMatch(/TABLE_SIZE_EXCEEDS_MAX_DROP_SIZE_LIMIT/);
    expect((await ask('admin', 'SELECT count() FROM own.signal_log')).text).toBe('1000\n');
    // A table of one's own in the same database is one's own, and a view holds nothing.
    for (const sql of [
      'CREATE VIEW own.v AS SELECT 1',
      'DROP VIEW own.v',
      'CREATE TABLE own.mine ENGINE = MergeTree ORDER BY tuple() AS SELECT 1',
      'DROP TABLE own.mine',
    ])
      expect((await ask('admin', sql)).text).toBe('');
    expect((await ask('admin', 'DROP TABLE own.signal_log', { max_table_size_to_drop: '0' })).text).toBe('');
  });
});
