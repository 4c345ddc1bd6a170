import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashPassword } from '../../../src/store/http-server/password.js';
import { type TestServer, testServer } from './support.js';

let t: TestServer;
let secretFile: string;
beforeAll(async () => {
  const hash = await hashPassword('pw');
  t = await testServer({
    users: [
      { name: 'admin', kind: 'full', passwordHash: hash },
      { name: 'data', kind: 'reader', passwordHash: hash },
    ],
    readerSeconds: 5,
    readerMemoryBytes: 100_000_000,
  });
  for (const sql of [
    'CREATE DATABASE shop',
    'CREATE TABLE shop.t (id UInt64, name String) ENGINE = MergeTree ORDER BY id',
    "INSERT INTO shop.t VALUES (1, 'a'), (2, 'b')",
    'CREATE VIEW shop.v AS SELECT id FROM shop.t',
  ]) {
    const response = await ask('admin', sql);
    if (!response.ok) throw new Error(await response.text());
  }
  secretFile = join(t.dataDir, 'secret.csv');
  writeFileSync(secretFile, 'top-secret\n');
});
afterAll(() => t.close());

async function ask(user: string, body: string, parameters: Record<string, string> = {}): Promise<Response> {
  const authorization = `Basic ${Buffer.from(`${user}:pw`).toString('base64')}`;
  return await t.http(parameters, { method: 'POST', body, headers: { authorization } });
}

describe('a reader', () => {
  it.each([
    ['SELECT count() FROM shop.t', '2\n'],
    ['SELECT * FROM shop.v ORDER BY id', '1\n2\n'],
    ['WITH x AS (SELECT id FROM shop.t) SELECT sum(id) FROM x WHERE id IN (SELECT id FROM shop.v)', '3\n'],
    ["SELECT CASE name WHEN 'a' THEN 1 ELSE 2 END FROM shop.t ORDER BY id", '1\n2\n'],
    ['SELECT sumIf(id, id > 1), quantile(0.5)(id), uniqExact(name) FROM shop.t', '2\t1.5\t2\n'],
    ['SELECT id, row_number() OVER (ORDER BY id DESC) FROM shop.t ORDER BY id', '1\t2\n2\t1\n'],
    ['SELECT a.id FROM shop.t AS a INNER JOIN shop.t AS b USING (id) ORDER BY id LIMIT 1', '1\n'],
    ['(SELECT 1) UNION ALL (SELECT 1)', '1\n1\n'],
    ['SELECT sum(number) FROM numbers(4)', '6\n'],
    ["SELECT * FROM values('x UInt8', 1, 2)", '1\n2\n'],
    ['SELECT arrayMap(file -> file + 1, [1])', '[2]\n'],
    ['SELECT ‘file(1); DROP TABLE shop.t’', 'file(1); DROP TABLE shop.t\n'],
    ["SELECT 1 // it's FORMAT x\n, 2", '1\t2\n'],
    ["SELECT 'file(1); DROP TABLE shop.t'", 'file(1); DROP TABLE shop.t\n'],
    ["SELECT count() FROM system.tables WHERE database = 'shop'", '2\n'],
    // Names are judged by what they stand for: here `system` is no database.
    ['SELECT system.id FROM shop.t AS system ORDER BY system.id', '1\n2\n'],
    ['WITH processes AS (SELECT 7 AS n) SELECT processes.n FROM processes', '7\n'],
    ["SELECT system.users FROM (SELECT CAST((1, 'a'), 'Tuple(users UInt8, b String)') AS system)", '1\n'],
    ["SELECT getSetting('max_threads') SETTINGS max_threads = 3", '3\n'],
    [
      'SELECT * FROM (SELECT id FROM shop.t SETTINGS max_block_size = 1) ORDER BY id SETTINGS max_threads = 1, join_use_nulls = 1',
      '1\n2\n',
    ],
    ['SELECT 1 AS SETTINGS, 2 AS max_memory_usage', '1\t2\n'],
    // What Grafana's ad hoc filters send.
    [
      "SELECT id FROM shop.v\nsettings additional_table_filters={'shop.v' : ' id = \\'2\\' AND id IN (\\'2\\', \\'3\\') '}",
      '2\n',
    ],
    ['SHOW TABLES FROM shop', 't\nv\n'],
    ['EXISTS TABLE shop.t', '1\n'],
    ["SELECT count() FROM information_schema.tables WHERE table_schema = 'shop'", '2\n'],
  ])('may ask: %s', async (sql, answer) => {
    const response = await ask('data', sql);
    expect(await response.text()).toBe(answer);
  });

  it.each([
    'DESCRIBE shop.t',
    'SHOW CREATE TABLE shop.t',
    'EXPLAIN SELECT * FROM shop.t',
    'EXPLAIN AST SELECT 1',
    'SHOW DATABASES',
    'SHOW COLUMNS FROM t FROM shop',
  ])('may ask: %s', async (sql) => expect((await ask('data', sql)).status).toBe(200));

  const file = () => secretFile;
  const attempts: readonly [string, (() => string) | string][] = [
    ['insert', "INSERT INTO shop.t VALUES (9, 'x')"],
    ['insert select', "INSERT INTO shop.t SELECT 9, 'x'"],
    ['insert into a function', () => `INSERT INTO FUNCTION file('${file()}.out', 'CSV', 'a Int8') SELECT 1`],
    ['drop', 'DROP TABLE shop.t'],
    ['drop behind a comment', '/* SELECT */ DROP -- x\n TABLE shop.t'],
    ['truncate', 'TRUNCATE TABLE shop.t'],
    ['alter', 'ALTER TABLE shop.t DELETE WHERE 1'],
    ['lightweight delete', 'DELETE FROM shop.t WHERE 1'],
    ['update', "UPDATE shop.t SET name = 'x' WHERE 1"],
    ['rename', 'RENAME TABLE shop.t TO shop.u'],
    ['detach', 'DETACH TABLE shop.t'],
    ['optimize', 'OPTIMIZE TABLE shop.t FINAL'],
    ['create table', 'CREATE TABLE shop.x (a Int8) ENGINE = Memory'],
    ['create temporary table', 'CREATE TEMPORARY TABLE x (a Int8)'],
    ['create view over a file', () => `CREATE VIEW shop.w AS SELECT * FROM file('${file()}')`],
    ['create function', 'CREATE FUNCTION f AS x -> x'],
    ['create user', 'CREATE USER x'],
    ['grant', 'GRANT ALL ON *.* TO default'],
    ['backup', () => `BACKUP TABLE shop.t TO File('${file()}.zip')`],
    ['system', 'SYSTEM FLUSH LOGS'],
    ['kill', 'KILL QUERY WHERE 1'],
    ['two statements', 'SELECT 1; DROP TABLE shop.t'],
    ['two reads', 'SELECT 1; SELECT 2'],
    ['use', 'USE system'],
    ['set', 'SET readonly = 0'],
    ['set max_memory_usage', 'SET max_memory_usage = 0'],
    ['set and drop', 'SET max_threads = 7; DROP TABLE shop.t'],
    ['a file by its name, with a setting', () => `SELECT * FROM \`${file()}\` SETTINGS max_threads = 1`],
    ['a file of the working directory', 'SELECT * FROM `package.json` SETTINGS max_threads = 1'],
    ['readonly in the query', 'SELECT 1 SETTINGS readonly = 0'],
    ['readonly in a subquery', 'SELECT * FROM (SELECT 1 SETTINGS readonly = 0)'],
    ['a setting in the query', 'SELECT 1 SETTINGS max_execution_time = 1000'],
    ['a setting in a subquery', 'SELECT * FROM (SELECT 1 SETTINGS max_execution_time = 1000)'],
    ['a hidden setting', 'SELECT 1 AS `SETTINGS max_threads = 1` SETTINGS max_memory_usage = 0'],
    ...[
      '1 IN (SELECT count() FROM system.users)',
      "file(\\'/etc/passwd\\') = \\'\\'",
      '1) FROM system.users WHERE (1',
      '(SELECT 1 SETTINGS max_memory_usage = 0) = 1',
      '1) FORMAT TSV -- ',
      "id IN (SELECT id FROM url(\\'http://127.0.0.1:1/\\', \\'CSV\\', \\'id UInt64\\'))",
    ].map((filter): [string, string] => [
      `a table filter: ${filter}`,
      `SELECT id FROM shop.t SETTINGS additional_table_filters = {'shop.t': '${filter}'}`,
    ]),
    ['a setting in WITH', 'WITH x AS (SELECT 1 SETTINGS max_execution_time = 0) SELECT * FROM x'],
    ['a name in IN, in brackets', 'SELECT 1 IN (system.processes)'],
    ['dictGet', "SELECT dictGet(system.processes, 'a', 1)"],
    ['execute as', 'EXECUTE AS default SELECT 1'],
    ['transaction', 'BEGIN TRANSACTION'],
    ['parallel with', 'DROP TABLE shop.t PARALLEL WITH DROP TABLE shop.v'],
    ['file()', () => `SELECT * FROM file('${file()}', 'LineAsString')`],
    ['FILE() in capitals', () => `SELECT * FROM FiLe('${file()}', 'LineAsString')`],
    ['file() in backticks', () => `SELECT * FROM \`file\`('${file()}', 'LineAsString')`],
    ['file() behind a comment', () => `SELECT * FROM file/**/('${file()}', 'LineAsString')`],
    ['file() in a subquery', () => `SELECT (SELECT any(line) FROM file('${file()}', 'LineAsString'))`],
    ['file() in a CTE', () => `WITH x AS (SELECT * FROM file('${file()}', 'LineAsString')) SELECT * FROM x`],
    ['file() in view()', () => `SELECT * FROM view(SELECT * FROM file('${file()}', 'LineAsString'))`],
    ['file() in IN', () => `SELECT 1 IN (SELECT 1 FROM file('${file()}', 'LineAsString'))`],
    ['file() in a join', () => `SELECT * FROM shop.t, file('${file()}', 'LineAsString')`],
    ['file() in a union', () => `SELECT '' UNION ALL SELECT * FROM file('${file()}', 'LineAsString')`],
    ['file() described', () => `DESCRIBE file('${file()}')`],
    ['file() described as a table', () => `DESCRIBE TABLE (SELECT * FROM file('${file()}', 'CSV'))`],
    ['file() explained', () => `EXPLAIN SELECT * FROM file('${file()}', 'LineAsString')`],
    ['file() explained as AST', () => `EXPLAIN AST SELECT file('${file()}')`],
    ['file() as a value', () => `SELECT file('${file()}')`],
    ['file() as a value in backticks', () => `SELECT \`file\`('${file()}')`],
    ['file() as a value in a lambda', () => `SELECT arrayMap(x -> file(x), ['${file()}'])`],
    ['file() as a value in LIMIT', () => `SELECT 1 LIMIT length(file('${file()}'))`],
    ['file() as a value in a table function', () => `SELECT * FROM numbers(length(file('${file()}')))`],
    ['file() as a value in ORDER BY', () => `SELECT 1 ORDER BY file('${file()}')`],
    ['file() as a value in WITH', () => `WITH file('${file()}') AS x SELECT x`],
    ['file() as a default of a parameter', () => `SELECT transform(1, [1], [file('${file()}')], '')`],
    ['a file by its name', () => `SELECT * FROM \`${file()}\``],
    ['a file by its name, quoted', () => `SELECT * FROM '${file()}'`],
    ['fileCluster()', () => `SELECT * FROM fileCluster('default', '${file()}', 'LineAsString')`],
    ['filesystem()', "SELECT * FROM filesystem('/')"],
    ['into outfile', () => `SELECT 1 INTO OUTFILE '${file()}.out'`],
    ['into outfile, explained', () => `EXPLAIN SELECT 1 INTO OUTFILE '${file()}.out'`],
    ['url()', "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')"],
    ['url() in IN', "SELECT 1 IN url('http://127.0.0.1:1/', 'LineAsString')"],
    ['url() described', "DESCRIBE url('http://127.0.0.1:1/')"],
    ['s3()', "SELECT * FROM s3('http://127.0.0.1:1/bucket/key', 'CSV')"],
    ['remote()', "SELECT * FROM remote('127.0.0.1', shop.t)"],
    ['cluster()', "SELECT * FROM cluster('default', shop.t)"],
    ['mysql()', "SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')"],
    ['postgresql()', "SELECT * FROM postgresql('127.0.0.1:1', 'a', 'b', 'c', 'd')"],
    ['mongodb()', "SELECT * FROM mongodb('127.0.0.1:1', 'a', 'b', 'c', 'd', 'x Int8')"],
    ['redis()', "SELECT * FROM redis('127.0.0.1:1', 'key', 'key String')"],
    ['sqlite()', "SELECT * FROM sqlite('/tmp/x', 't')"],
    ['hdfs()', "SELECT * FROM hdfs('hdfs://127.0.0.1:1/x', 'CSV')"],
    ['icebergLocal()', "SELECT * FROM icebergLocal('/tmp')"],
    ['executable()', "SELECT * FROM executable('x', 'CSV', 'a Int8')"],
    ['eval()', "SELECT * FROM eval('SELECT 1')"],
    ['dictionary()', "SELECT * FROM dictionary('x')"],
    ['merge() over system', "SELECT * FROM merge('system', '.*')"],
    ['input()', "SELECT * FROM input('a Int8')"],
    ['loop()', 'SELECT * FROM loop(shop.t)'],
    ['table override', "EXPLAIN TABLE OVERRIDE mysql('a', 'b', 'c', 'd', 'e') COLUMNS (x Int8)"],
    ['catboostEvaluate()', "SELECT catboostEvaluate('/etc/passwd', 1)"],
    ['an AI function', "SELECT aiGenerate('x', 'y')"],
    ['getMacro()', "SELECT getMacro('x')"],
    ['sleep()', 'SELECT sleep(3)'],
    ['introspection', 'SELECT demangle(addressToSymbol(toUInt64(1)))'],
    ['system.users', 'SELECT * FROM system.users'],
    ['system.processes', 'SELECT * FROM system.processes'],
    ['system in capitals and quotes', 'SELECT * FROM "system"."processes"'],
    ['system.processes in IN', 'SELECT 1 WHERE 1 IN system.processes'],
    ['system.processes in a subquery', 'SELECT (SELECT count() FROM system.processes)'],
    ['system.named_collections', 'SELECT * FROM system.named_collections'],
    ['system.server_settings', 'SELECT * FROM system.server_settings'],
    ['system.disks', 'SELECT * FROM system.disks'],
    ['show processlist', 'SHOW PROCESSLIST'],
    ['show grants', 'SHOW GRANTS'],
    ['show users', 'SHOW USERS'],
    ['show create user', 'SHOW CREATE USER default'],
    ['nothing', ''],
    ['nonsense', 'graph = 1 SELECT 1'],
  ];

  it.each(attempts)('is refused: %s', async (_name, sql) => {
    const response = await ask('data', typeof sql === 'string' ? sql : sql());
    const answer = await response.text();
    expect(answer).toMatch(/^Code: \d+\. DB::Exception/);
    expect(answer).not.toContain('top-secret');
    expect(response.status).toBeGreaterThanOrEqual(400);
  });

  // Bug: every typo was answered with "This user may only read".
  it.each(['SELEC id FROM shop.t', 'SELECT id FRM shop.t WHERE 1', "SELECT 'a", 'SELECT (1'])(
    'is told where a statement is wrong: %s',
    async (sql) => {
      const response = await ask('data', sql);
      expect([response.status, await response.text()]).toEqual([
        400,
        expect.stringMatching(/^Code: 62\. .*(failed at position \d+)[\s\S]*SYNTAX_ERROR/),
      ]);
    },
  );

  it('left no trace with all of that', async () => {
    expect(await (await ask('admin', 'SELECT count(), any(name) FROM shop.t')).text()).toBe('2\ta\n');
    expect(await (await ask('admin', 'SHOW TABLES FROM shop')).text()).toBe('t\nv\n');
    for (const end of ['.out', '.zip']) expect(existsSync(secretFile + end)).toBe(false);
  });

  it('reads no hidden table through a parameter or a database of the URL', async () => {
    const byParameter = await ask('data', 'SELECT * FROM {x:Identifier}', { param_x: 'system.processes' });
    expect(await byParameter.text()).toMatch(/ACCESS_DENIED/);
    const byDatabase = await ask('data', 'SELECT * FROM processes', { database: 'system' });
    expect(await byDatabase.text()).toMatch(/ACCESS_DENIED/);
    const allowed = await ask('data', 'SELECT count() FROM {x:Identifier}', {
      param_x: 't',
      database: 'shop',
    });
    expect(await allowed.text()).toBe('2\n');
  });

  it.each([
    ['async_insert', '0'],
    ['wait_end_of_query', '1'],
    ['max_memory_usage', '50000000'],
    ['max_threads', '2'],
    ['allow_ddl', '1'],
    ['format_schema', ''],
    ['dialect', 'clickhouse'],
    ['readonly', '2'],
    ['mutations_sync', '1'],
  ])('may send the harmless or unchanged setting %s = %s', async (name, value) => {
    expect(await (await ask('data', 'SELECT 1', { [name]: value })).text()).toBe('1\n');
  });

  it.each([
    ['readonly', '0'],
    ['additional_table_filters', "{'shop.t': 'length(file(''/etc/passwd''))'}"],
    ['format_schema', '/etc/passwd:X'],
    ['output_format_schema', '/tmp/x'],
    ['max_execution_time', '6'],
    ['max_execution_time', '0'],
    ['max_memory_usage', '0'],
    ['dialect', 'prql'],
    ['allow_introspection_functions', '1'],
    ['allow_ddl', '0'],
    ['implicit_select', '1'],
    ['SQL_x', '1'],
    ['max_threads = 1, readonly', '0'],
  ])('may not send the setting %s = %s', async (name, value) => {
    const response = await ask('data', 'SELECT 1', { [name]: value });
    expect([response.status, await response.text()]).toEqual([403, expect.stringMatching(/Code: 164/)]);
  });

  it('may say how results look and how long to wait, and uses clients that name a session', async () => {
    const response = await ask(
      'data',
      "SELECT 1 AS x, getSetting('readonly') AS r, getSetting('max_execution_time') AS s",
      {
        default_format: 'JSONEachRow',
        output_format_json_quote_64bit_integers: '1',
        session_id: 'anything',
        max_execution_time: '4',
      },
    );
    expect(await response.text()).toBe('{"x":1,"r":1,"s":4}\n');
  });

  // Bug: drivers that ask first were answered that no setting can be changed, and sent none.
  it('finds in system.settings what it may set, and nothing more is open for that', async () => {
    const one = "SELECT readonly FROM system.settings WHERE name = 'max_threads'";
    expect(await (await ask('data', one)).text()).toBe('0\n');
    for (const from of ['`package.json`', `\`${secretFile}\``, `file('${secretFile}', 'LineAsString')`]) {
      const answer = await (await ask('data', `SELECT * FROM system.settings, ${from} AS f LIMIT 1`)).text();
      expect(answer).toMatch(/ACCESS_DENIED/);
    }
  });

  it('is stopped when a query takes too much memory', async () => {
    const response = await ask('data', 'SELECT length(groupArray(number)) FROM numbers(100000000)');
    expect(await response.text()).toMatch(/Code: 241/);
  });

  it('sees no password of a table elsewhere', async () => {
    const engine = "MySQL('127.0.0.1:1', 'd', 't', 'u', 'top-secret')";
    await (await ask('admin', `CREATE TABLE shop.elsewhere (a Int8) ENGINE = ${engine}`)).text();
    for (const sql of [
      'SHOW CREATE TABLE shop.elsewhere',
      "SELECT * FROM system.tables WHERE name = 'elsewhere'",
      'SHOW CREATE TABLE shop.elsewhere SETTINGS format_display_secrets_in_show_and_select = 1',
    ]) {
      expect(await (await ask('data', sql)).text()).not.toContain('top-secret');
    }
    await (await ask('admin', 'DROP TABLE shop.elsewhere')).text();
  });

  it('is stopped when a query takes too long', async () => {
    const sql = 'SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))';
    const response = await ask('data', sql, { max_execution_time: '0.3' });
    expect([response.status, await response.text()]).toEqual([408, expect.stringMatching(/Code: 159/)]);
  });
});
