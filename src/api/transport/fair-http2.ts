import {
  constants,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Doorway } from '../../core/doorway.js';
import { shortenTimeouts } from './long-timeouts.js';

/** Frames that cost an answer and bring nothing, in a second of one connection. Clients that measure their bandwidth send a ping a round trip. */
const PINGS_A_SECOND = 2_000;
const SETTINGS_A_SECOND = 100;
const SECOND_MS = 1_000;

type Rest = [headers: IncomingHttpHeaders, ...unknown[]];
type StreamListener = (this: unknown, stream: ServerHttp2Stream, ...rest: Rest) => void;

/**
 * Has the streams of a server begin through a doorway, connections in turn: a packet brings a thousand of them, and what a library does for
 * each, before any handler, would be done for all within one turn. A stream that its caller has reset by then is never begun. A connection
 * that floods the server with pings or settings is ended with ENHANCE_YOUR_CALM.
 *
 * @param begun Called with each stream that has begun.
 */
export function beginInTurn(
  server: Http2Server | Http2SecureServer,
  doorway: Doorway,
  begun: (stream: ServerHttp2Stream) => void = () => {},
): void {
  const listeners = server.listeners('stream') as StreamListener[];
  server.removeAllListeners('stream');
  const begin = (stream: ServerHttp2Stream, rest: Rest) => {
    if (stream.closed || stream.destroyed) return;
    shortenTimeouts(rest[0]);
    for (const listener of listeners) listener.call(server, stream, ...rest);
    begun(stream);
  };
  server.on('stream', (stream: ServerHttp2Stream, ...rest: Rest) => {
    const { session } = stream;
    if (session === undefined || stream.closed) return;
    const turn = doorway.pass(session);
    if (turn === undefined) {
      begin(stream, rest);
      return;
    }
    // Without a listener an error of the stream would end the process.
    stream.on('error', () => {});
    void turn.then(() => begin(stream, rest));
  });
  server.on('session', (session: ServerHttp2Session) => {
    const calm = () => {
      if (session.destroyed) return;
      session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      session.destroy();
    };
    session.on('ping', overRate(PINGS_A_SECOND, calm));
    session.on('remoteSettings', overRate(SETTINGS_A_SECOND, calm));
  });
}

/** Calls `over` when it is called more often than that in a second. */
function overRate(most: number, over: () => void): () => void {
  let since = performance.now();
  let count = 0;
  return () => {
    if (++count <= most) return;
    const now = performance.now();
    if (now - since < SECOND_MS) over();
    since = now;
    count = 1;
  };
}
