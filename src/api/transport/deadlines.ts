import type { IncomingHttpHeaders } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import { type ServerInterceptingCall, type ServerInterceptor, status } from '@grpc/grpc-js';
import { Doorway } from '../../core/doorway.js';
import { streamBelow } from './inside-grpc-js.js';

/*
 * Deadlines of gRPC. The library has a timer for each call, and those of calls that came together go off together: a hundred calls were
 * answered and ended within one turn of the event loop, and whoever asked meanwhile waited for all of them. So the header is taken before
 * the library sees it, and calls that are late are ended in turn.
 */

const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

/** How long a call may take, and then when it ends, on the clock of `performance`. */
const allowed = new WeakMap<ServerHttp2Stream, number>();
const ends = new WeakMap<ServerHttp2Stream, number>();
/** What was ended here. */
const ended = new WeakSet<ServerHttp2Stream>();
const LATE = new Doorway();

/** Takes the deadline of a call out of its headers. One that is none is left to the library, which refuses the call. */
export function takeDeadline(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  const [, value, unit] = /^(\d{1,8})([HMSmun])$/.exec(String(headers['grpc-timeout'] ?? '')) ?? [];
  if (value === undefined) return;
  delete headers['grpc-timeout'];
  allowed.set(stream, Math.floor(Number(value) * UNIT_MS[unit!]!));
}

/** Ends a call once its deadline has passed and it is its turn. */
export const endLate: ServerInterceptor = (_method, call) => {
  const stream = streamBelow(call);
  const ms = allowed.get(stream);
  if (ms !== undefined) {
    ends.set(stream, performance.now() + ms);
    const end = () => {
      ended.add(stream);
      call.sendStatus({ code: status.DEADLINE_EXCEEDED, details: 'Deadline exceeded' });
    };
    const timer = setTimeout(() => {
      const turn = LATE.pass(stream.session);
      if (turn === undefined) end();
      else void turn.then(end);
    }, ms);
    stream.once('close', () => clearTimeout(timer));
  }
  // Nothing of the call itself is changed.
  return call as ServerInterceptingCall;
};

/** Whether the deadline of a call has passed, also where it is yet to be ended. */
export function isLate(stream: ServerHttp2Stream): boolean {
  const end = ends.get(stream);
  return end !== undefined && performance.now() >= end;
}

/** Whether a call has been ended for its deadline. Its handler may begin after that, with the end of the request, and is not told. */
export function isEnded(stream: ServerHttp2Stream): boolean {
  return ended.has(stream);
}
