import { once } from 'node:events';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { PulseOptions } from '../../src/store/server-pulse.js';
import { ServerStore } from '../../src/store/server-store.js';
import type { Store } from '../../src/store/store.js';
import { streamText } from '../support/stream-text.js';

/** A ClickHouse that answers every question as the test says, and remembers what it was asked. */
let close = async () => {};
afterEach(() => close());

async function serverThat(
  answer: (response: ServerResponse, body: string) => void,
  answerMs?: number,
  pulse?: PulseOptions,
): Promise<ServerStore> {
  const listener: RequestListener = (request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => answer(response, body));
  };
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const store = new ServerStore(
    `http://127.0.0.1:${(server.address() as AddressInfo).port}/x`,
    'default',
    '',
    '',
    answerMs,
    pulse,
  );
  close = async () => {
    server.closeAllConnections();
    await store.close();
    server.close();
  };
  return store;
}

async function drain(batches: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of batches);
}

const WAYS: [string, (store: Store) => Promise<unknown>][] = [
  ['rows', (store) => store.rows('SELECT 1')],
  ['text', (store) => store.text('SELECT 1 FORMAT TSV')],
  ['arrow', (store) => drain(store.arrow('SELECT 1'))],
  ['command', (store) => store.command('OPTIMIZE TABLE t')],
  ['insert', (store) => store.insertArrow('t', ['n'], new Uint8Array(8))],
  ['reading only', (store) => streamText(store.stream('SELECT 1', 'TSV'))],
];

// Bug: it was a defect, and what was to be scored was dropped after one try.
describe.each(WAYS)('%s: a server that dies in the middle of an answer is unavailable', (_, ask) => {
  it.each([
    ['a cut', (response: ServerResponse) => response.socket?.resetAndDestroy()],
    ['an end before the end', (response: ServerResponse) => response.socket?.end()],
  ])('%s', async (_, die) => {
    const store = await serverThat((response) => {
      response.write('{"a":1}\n{"b":', () => die(response));
    });
    await expect(ask(store)).rejects.toMatchObject({ code: 'unavailable', retryable: true });
  });
});

const TEXT =
  'Code: 241. DB::Exception: Memory limit (total) exceeded: (MEMORY_LIMIT_EXCEEDED) (version 25.12.1.1)\n';

// Bug: it was a SyntaxError, for the text was read as a row.
describe.each(WAYS)('%s: an exception behind the rows of an answer is that exception', (_, ask) => {
  it('as servers write it since 25.11', async () => {
    const store = await serverThat((response) => {
      const tag = 'abcdefghabcdefgh';
      response.setHeader('X-ClickHouse-Exception-Tag', tag);
      response.write('{"a":1}\n');
      const frame = `\r\n__exception__\r\n${tag}\r\n${TEXT}${TEXT.length} ${tag}\r\n__exception__\r\n`;
      // In pieces, as a network may deliver it.
      response.write(frame.slice(0, 20), () =>
        setImmediate(() => response.write(frame.slice(20), () => response.socket?.end())),
      );
    });
    await expect(ask(store)).rejects.toMatchObject({
      code: 'unavailable',
      retryable: true,
      message: expect.stringContaining('Memory limit (total) exceeded'),
    });
  });
});

it('an exception in a stream of an older server is that exception, too', async () => {
  const store = await serverThat((response) => response.end(`\x00\x00${TEXT}`));
  await expect(drain(store.arrow('SELECT 1'))).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('Memory limit (total) exceeded'),
  });
});

it('asks for the whole of an answer that is not streamed, so that an error can have a status', async () => {
  let url = '';
  const store = await serverThat((response) => {
    url = response.req.url ?? '';
    response.end();
  });
  await store.rows('SELECT 1');
  expect(url).toContain('wait_end_of_query=1');
});

it('kills on the server what its caller has given up, under the id it was asked with', async () => {
  const asked: string[] = [];
  let id = '';
  const store = await serverThat((response, body) => {
    asked.push(body);
    if (body.startsWith('KILL')) response.end();
    else id = new URL(response.req.url ?? '', 'http://x').searchParams.get('query_id') ?? '';
  });
  const caller = new AbortController();
  const waiting = store.rows('SELECT 1', {}, { signal: caller.signal });
  setTimeout(() => caller.abort(), 50);
  await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
  await store.close();
  expect(asked).toEqual(['SELECT 1', `KILL QUERY WHERE query_id = '${id}' ASYNC`]);
});

// Bug: a role that started while the store hung said nothing for five minutes, and did not stop either.
it('does not wait for a server that says nothing longer than an answer may take', async () => {
  const store = await serverThat(() => undefined, 100);
  const away = { code: 'unavailable', message: expect.stringContaining('Timeout') };
  await expect(store.prepare(true)).rejects.toMatchObject(away);
  await expect(store.prepare(false)).rejects.toMatchObject(away);
  await expect(store.ping()).rejects.toMatchObject(away);
});

// Bug: while a server was stopped (SIGSTOP) every list hung until its deadline, and its caller learned nothing.
describe('a server that takes connections and says nothing', () => {
  it('is unavailable soon, for what waits and for what comes, until it answers again', async () => {
    let frozen = true;
    const store = await serverThat((response) => frozen || response.end(), undefined, {
      ...{ patienceMs: 10, answerMs: 200, againMs: 10 },
    });
    const silent = { code: 'unavailable', retryable: true, reason: 'STORE_SILENT' };
    await Promise.all(WAYS.map(([, ask]) => expect(ask(store)).rejects.toMatchObject(silent)));
    await expect(store.rows('SELECT 1')).rejects.toMatchObject(silent);
    frozen = false;
    await expect.poll(() => store.rows('SELECT 1').catch(() => 'silent'), { timeout: 60_000 }).toEqual([]);
  });

  it('is another one than one that works at a slow question', async () => {
    let asked = 0;
    let answer = () => {};
    const store = await serverThat(
      (response) => {
        if (response.req.url?.startsWith('/ping') !== true) answer = () => response.end('{"a":1}\n');
        else {
          response.end('Ok.\n');
          if (++asked === 3) answer();
        }
      },
      undefined,
      { patienceMs: 10, answerMs: 60_000 },
    );
    expect(await store.rows('SELECT sleep(1)')).toEqual([{ a: 1 }]);
    expect(asked).toBe(3);
  });
});

// Bug: a database of the name "x/y" was made, and nothing was found in it.
it('is not asked for a database whose name is a path', () => {
  expect(() => new ServerStore('http://127.0.0.1:8123/x/y', 'default', '')).toThrow(
    'CLICKHOUSE_URL has more in its path than the name of a database: /x/y',
  );
  for (const end of ['', '/'])
    expect(new ServerStore(`http://127.0.0.1:8123/x${end}`, 'default', '').name).toBe(
      'server http://127.0.0.1:8123/x',
    );
});
