import type { IncomingHttpHeaders } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import { type ServerInterceptingCall, type ServerInterceptor, status } from '@grpc/grpc-js';
import { Doorway } from '../../core/doorway.js';
import { streamBelow } from './inside-grpc-js.js';
import { grpcTimeoutMs } from './long-timeouts.js';

/*
 * Deadlines of gRPC. grpc-js sets a timer for each call, and timers of calls that arrived together expire together: a hundred calls were
 * ended within one turn of the event loop, and every other call waited for that. So the header is removed before grpc-js reads it, and
 * late calls are ended a few in a turn.
 */

interface Deadline {
  readonly allowedMs: number;
  /** On the clock of `performance`; infinite until grpc-js has begun the call. */
  at: number;
  /** Whether DEADLINE_EXCEEDED was sent. */
  sent: boolean;
}

const deadlines = new WeakMap<ServerHttp2Stream, Deadline>();
const LATE = new Doorway();

/** Removes the deadline of a call from its headers and keeps it. A malformed one is left to grpc-js, which refuses the call. */
export function takeDeadline(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  const ms = grpcTimeoutMs(headers['grpc-timeout']);
  if (ms === undefined) return;
  delete headers['grpc-timeout'];
  deadlines.set(stream, { allowedMs: Math.floor(ms), at: Number.POSITIVE_INFINITY, sent: false });
}

/** Ends a call after its deadline, a few calls in a turn of the event loop. */
export const endLate: ServerInterceptor = (_method, call) => {
  const stream = streamBelow(call);
  const deadline = deadlines.get(stream);
  if (deadline !== undefined) {
    deadline.at = performance.now() + deadline.allowedMs;
    const end = () => {
      deadline.sent = true;
      call.sendStatus({ code: status.DEADLINE_EXCEEDED, details: 'Deadline exceeded' });
    };
    const timer = setTimeout(() => {
      const turn = LATE.pass(stream.session);
      if (turn === undefined) end();
      else void turn.then(end);
    }, deadline.allowedMs);
    stream.once('close', () => clearTimeout(timer));
  }
  // Nothing of the call itself is changed.
  return call as ServerInterceptingCall;
};

/** Whether the deadline of a call has passed, whether or not the call was ended for it. */
export function isLate(stream: ServerHttp2Stream): boolean {
  const deadline = deadlines.get(stream);
  return deadline !== undefined && performance.now() >= deadline.at;
}

/**
 * Whether a call was ended for its deadline. Its handler can begin afterwards, when the request ends, and grpc-js does not tell it that the
 * call is cancelled.
 */
export function isEnded(stream: ServerHttp2Stream): boolean {
  return deadlines.get(stream)?.sent === true;
}
