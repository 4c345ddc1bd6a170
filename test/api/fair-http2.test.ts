import { once } from 'node:events';
import { connect, constants, createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, connect as connectSocket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { beginInTurn } from '../../src/api/transport/fair-http2.js';
import { Doorway } from '../../src/core/doorway.js';
import { frame, GOAWAY, HEADERS, HELLO, PING, RST, SETTINGS } from '../support/http2-frames.js';

let server: Http2Server;
let port: number;
let begun: string[];
let hear: (stream: ServerHttp2Stream) => void;

beforeEach(async () => {
  begun = [];
  hear = () => {};
  server = createServer();
  server.on('stream', (stream, headers) => {
    begun.push(headers[':path']!);
    stream.on('error', () => {});
    stream.respond({}, { endStream: true });
    hear(stream);
  });
  beginInTurn(server, new Doorway());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});
afterEach(() => server.close());

/** ":method: POST", ":scheme: http", ":path: /" of the table of HPACK, and ":authority: x". */
const REQUEST = Buffer.from([0x83, 0x86, 0x84, 0x01, 0x01, 0x78]);
const opened = (stream: number) => frame(HEADERS, 4, stream, REQUEST);
const reset = (stream: number, code: number) => frame(RST, 0, stream, Buffer.from([0, 0, 0, code]));
const streams = (count: number) => Array.from({ length: count }, (_, i) => 2 * i + 1);

async function rawConnection() {
  const socket = connectSocket(port, '127.0.0.1');
  const received: Buffer[] = [];
  socket.on('data', (bytes) => received.push(bytes));
  socket.on('error', () => {});
  await once(socket, 'connect');
  return { socket, received };
}

// Bug: a thousand calls of one packet were all begun before a call of another connection was looked at.
it('streams that one packet brings begin over many turns, and those of another connection not behind them', async () => {
  const many = connect(`http://127.0.0.1:${port}`);
  const other = connect(`http://127.0.0.1:${port}`);
  await Promise.all([once(many, 'connect'), once(other, 'connect')]);
  const first = new Promise<ServerHttp2Stream>((resolve) => (hear = resolve));
  const flood = streams(500).map(async () => {
    const request = many.request({ ':path': '/many', ':method': 'POST' });
    request.resume().end();
    await once(request, 'close');
  });
  await first;
  const request = other.request({ ':path': '/other', ':method': 'POST' });
  request.resume().end();
  await once(request, 'close');
  expect(begun.indexOf('/other')).toBeGreaterThan(0);
  expect(begun.indexOf('/other')).toBeLessThan(250);
  await Promise.all(flood);
  expect(begun).toHaveLength(501);
  many.close();
  other.close();
});

it('streams that are reset before their turn are never begun, and their errors end nothing', async () => {
  const { socket } = await rawConnection();
  const ids = streams(100);
  socket.write(
    Buffer.concat([HELLO, ...ids.flatMap((id) => [opened(id), reset(id, constants.NGHTTP2_CANCEL)])]),
  );
  const late = 201;
  const answered = new Promise<void>((resolve) => (hear = ({ id }) => id === late && resolve()));
  socket.write(opened(late));
  await answered;
  // Those of the first turn may be begun before the packet is read to its end.
  expect(begun.length).toBeLessThanOrEqual(9);

  const next = streams(200).slice(102);
  const errors = next.map((id) => reset(id, constants.NGHTTP2_INTERNAL_ERROR));
  socket.write(Buffer.concat(next.map(opened)));
  socket.write(Buffer.concat(errors));
  const last = new Promise<void>((resolve) => (hear = ({ id }) => id === 999 && resolve()));
  socket.write(opened(999));
  await last;
  socket.destroy();
});

describe('a connection is ended with ENHANCE_YOUR_CALM', () => {
  it.each([
    ['pings', frame(PING, 0, 0, Buffer.alloc(8)), 500, 20_000],
    ['settings', frame(SETTINGS, 0, 0, Buffer.alloc(0)), 50, 1_000],
  ])('that sends a flood of %s, and one that sends many is not', async (_what, one, many, flood) => {
    const calm = await rawConnection();
    calm.socket.write(Buffer.concat([HELLO, ...Array.from({ length: many }, () => one), opened(1)]));
    await new Promise<ServerHttp2Stream>((resolve) => (hear = resolve));
    calm.socket.destroy();

    const { socket, received } = await rawConnection();
    socket.write(HELLO);
    // Less at a time than HTTP/2's library itself takes for a flood: acknowledgements that are not read.
    const block = Buffer.concat(Array.from({ length: many / 5 }, () => one));
    for (let sent = 0; sent < flood && !socket.destroyed; sent += many / 5) {
      socket.write(block);
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (!socket.destroyed) await once(socket, 'close');
    const bytes = Buffer.concat(received);
    const goaway = bytes.indexOf(frame(GOAWAY, 0, 0, Buffer.alloc(8)).subarray(0, 9));
    expect(goaway).toBeGreaterThan(0);
    expect(bytes.readUInt32BE(goaway + 13)).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  });
});
