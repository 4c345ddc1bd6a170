import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestServer, testServer } from './support.js';

let t: TestServer;
beforeAll(async () => {
  t = await testServer();
  await t.client.command({
    query:
      "CREATE TABLE t (id UInt64, name String DEFAULT concat('n', toString(id))) ENGINE = MergeTree ORDER BY id",
  });
});
afterAll(() => t.close());

async function rows(query: string): Promise<unknown[]> {
  return await (await t.client.query({ query, format: 'JSONEachRow' })).json();
}

describe('@clickhouse/client over HTTP', () => {
  it('pings by the path and by a query', async () => {
    expect(await t.client.ping()).toEqual({ success: true });
    expect(await t.client.ping({ select: true })).toEqual({ success: true });
  });

  it('reads what it wrote, defaults and awkward texts included', async () => {
    const name = 'it\'s "quoted" \\ tab\t line\n é 日本 🙂';
    await t.client.command({ query: 'TRUNCATE TABLE t' });
    const inserted = await t.client.insert({
      table: 't',
      values: [{ id: 1, name }, { id: 2 }],
      format: 'JSONEachRow',
    });
    expect(inserted.summary?.written_rows).toBe('2');
    expect(await rows('SELECT * FROM t ORDER BY id')).toEqual([
      { id: 1, name },
      { id: 2, name: 'n2' },
    ]);
  });

  it('fills in parameters of every kind', async () => {
    const result = await t.client.query({
      query:
        'SELECT {s:String} AS s, {n:UInt64} AS n, {a:Array(String)} AS a, {m:Map(String, UInt8)} AS m, {d:DateTime64(3)} AS d, {x:Nullable(String)} AS x, {b:Bool} AS b, {f:Identifier} AS f FROM (SELECT 7 AS seven)',
      query_params: {
        s: "it's \\ \t \n 🙂",
        n: '18446744073709551615',
        a: ["b'c", 'd\\e', '\n'],
        m: { k: 1 },
        d: new Date('2026-01-02T03:04:05.678Z'),
        x: null,
        b: true,
        f: 'seven',
      },
      format: 'JSONEachRow',
      clickhouse_settings: { output_format_json_quote_64bit_integers: 1 },
    });
    expect(await result.json()).toEqual([
      {
        s: "it's \\ \t \n 🙂",
        n: '18446744073709551615',
        a: ["b'c", 'd\\e', '\n'],
        m: { k: 1 },
        d: '2026-01-02 03:04:05.678',
        x: null,
        b: true,
        f: 7,
      },
    ]);
  });

  it('streams an insert of many rows and a result of many rows', async () => {
    await t.client.command({ query: 'TRUNCATE TABLE t' });
    const many = 100_000;
    async function* source() {
      for (let id = 0; id < many; id++) yield { id, name: `customer number ${id}` };
    }
    await t.client.insert({ table: 't', values: Readable.from(source()), format: 'JSONEachRow' });
    const result = await t.client.query({ query: 'SELECT * FROM t ORDER BY id', format: 'JSONEachRow' });
    let count = 0;
    let wrong = 0;
    for await (const batch of result.stream<{ id: string; name: string }>()) {
      for (const row of batch) {
        const value = row.json();
        if (Number(value.id) !== count || value.name !== `customer number ${count}`) wrong++;
        count++;
      }
    }
    expect({ count, wrong }).toEqual({ count: many, wrong: 0 });
  });

  it.each([
    'JSON',
    'JSONCompact',
    'JSONEachRow',
    'JSONCompactEachRowWithNamesAndTypes',
    'CSVWithNames',
    'TabSeparated',
  ] as const)('answers in %s as one whole document, however long', async (format) => {
    const query = 'SELECT number, toString(number) AS text FROM numbers(200000)';
    const text = await (await t.client.query({ query, format })).text();
    expect(text).toContain('199999');
    if (format === 'JSON' || format === 'JSONCompact') {
      expect(JSON.parse(text)).toMatchObject({ rows: 200_000 });
    }
  });

  it('compresses requests and answers', async () => {
    const client = t.clientWith({ compression: { request: true, response: true } });
    await client.command({ query: 'TRUNCATE TABLE t' });
    const values = Array.from({ length: 50_000 }, (_, id) => ({ id, name: 'the same text again and again' }));
    await client.insert({ table: 't', values, format: 'JSONEachRow' });
    const result = await client.query({ query: 'SELECT * FROM t ORDER BY id', format: 'JSONEachRow' });
    expect(result.response_headers['content-encoding']).toBe('gzip');
    expect(await result.json()).toHaveLength(50_000);
  });

  it('gives errors their number and name', async () => {
    await expect(rows('SELECT * FROM nowhere')).rejects.toMatchObject({ code: '60', type: 'UNKNOWN_TABLE' });
    await expect(rows('SELEKT 1')).rejects.toMatchObject({ code: '62' });
    await expect(rows("SELECT throwIf(1, 'told you')")).rejects.toMatchObject({
      code: '395',
      message: expect.stringContaining('told you'),
    });
    await expect(
      t.client.insert({ table: 't', values: [{ id: 'no number' }], format: 'JSONEachRow' }),
    ).rejects.toMatchObject({ code: '27' });
  });

  it('tells of an error that comes in the middle of a stream', async () => {
    const result = await t.client.query({
      query: 'SELECT number, throwIf(number = 2000000) FROM numbers(3000000) SETTINGS max_block_size = 65536',
      format: 'JSONEachRow',
    });
    let count = 0;
    const read = async () => {
      for await (const batch of result.stream()) count += batch.length;
    };
    await expect(read()).rejects.toMatchObject({ code: '395' });
    expect(count).toBeGreaterThan(0);
  });

  it('stops the query when the caller aborts', async () => {
    const abort = new AbortController();
    const asked = t.client.query({
      query: 'SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))',
      abort_signal: abort.signal,
      query_id: 'to-be-aborted',
    });
    const refused = expect(asked).rejects.toThrow(/abort/i);
    const running =
      "SELECT count() AS n FROM system.processes WHERE Settings['log_comment'] = 'to-be-aborted'";
    await expect.poll(() => rows(running), { timeout: 90_000, interval: 20 }).toEqual([{ n: 1 }]);
    abort.abort();
    await refused;
    await expect.poll(() => rows(running), { timeout: 90_000, interval: 20 }).toEqual([{ n: 0 }]);
  });

  it('kills a query by the id its caller gave it', async () => {
    const asked = t.client.query({
      query: 'SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))',
      query_id: 'to-be-killed',
    });
    const refused = expect(asked).rejects.toMatchObject({ code: '394' });
    const kill = "KILL QUERY WHERE query_id = 'to-be-killed' ASYNC FORMAT TabSeparated";
    const killed = async () => (await t.http({}, { method: 'POST', body: kill })).text();
    await expect.poll(killed, { timeout: 90_000, interval: 20 }).toContain('waiting');
    await refused;
  });

  it('keeps a setting of one call out of every other call', async () => {
    const setting = async () => rows("SELECT getSetting('max_block_size') AS n");
    const [before] = (await setting()) as { n: number }[];
    const own = await t.client.query({
      query: "SELECT getSetting('max_block_size') AS n",
      format: 'JSONEachRow',
      clickhouse_settings: { max_block_size: '777', insert_deduplication_token: 'leak' },
    });
    expect(await own.json()).toEqual([{ n: 777 }]);
    await t.client.command({ query: 'SET max_block_size = 888' });
    for (let i = 0; i < 10; i++) expect(await setting()).toEqual([before]);
    expect(await rows("SELECT getSetting('insert_deduplication_token') AS token")).toEqual([{ token: '' }]);
  });

  it('keeps a temporary table and SET in a session, and URL settings out of it', async () => {
    const session = t.clientWith({ session_id: 'mine' });
    const ask = async (query: string, clickhouse_settings = {}) =>
      (await session.query({ query, format: 'JSONEachRow', clickhouse_settings })).json();
    await session.command({ query: 'CREATE TEMPORARY TABLE scratch (n UInt8)' });
    await session.insert({ table: 'scratch', values: [{ n: 1 }, { n: 2 }], format: 'JSONEachRow' });
    await session.command({ query: 'SET max_block_size = 999' });
    expect(await ask('SELECT sum(n) AS n FROM scratch', { max_block_size: '555' })).toEqual([{ n: 3 }]);
    expect(await ask("SELECT getSetting('max_block_size') AS n")).toEqual([{ n: 999 }]);
    await expect(rows('SELECT * FROM scratch')).rejects.toMatchObject({ code: '60' });
  });

  it('runs exec and hands over its stream', async () => {
    const result = await t.client.exec({ query: 'SELECT 1 AS one FORMAT CSV' });
    const parts: Buffer[] = [];
    for await (const part of result.stream) parts.push(part as Buffer);
    expect(Buffer.concat(parts).toString()).toBe('1\n');
  });
});
