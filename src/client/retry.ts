import { setTimeout as pause } from 'node:timers/promises';
import { MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import { RetryInfoSchema } from '../gen/google/rpc/error_details_pb.js';
import { isBrokenConnection } from './broken-connection.js';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/**
 * Tries a unary call again that failed by what passes: UNAVAILABLE, a broken connection, and RESOURCE_EXHAUSTED where the server says when to come
 * again. Only calls that may be repeated, as the contract says of each. Pauses grow, vary, and are never shorter than the
 * server asks for; none goes past the call's deadline.
 */
export function retryInterceptor(attempts: number): Interceptor {
  return (next) => async (request) => {
    const repeatable =
      !request.stream && request.method.idempotency !== MethodOptions_IdempotencyLevel.IDEMPOTENCY_UNKNOWN;
    for (let attempt = 1; ; attempt++) {
      try {
        return await next(request);
      } catch (thrown) {
        const wait = repeatable && attempt < attempts ? pauseOf(ConnectError.from(thrown), attempt) : null;
        if (wait === null) throw thrown;
        await pause(wait, undefined, { signal: request.signal }).catch(() => {
          throw thrown;
        });
      }
    }
  };
}

/** Milliseconds to wait before the next attempt; null: another attempt would not help. */
function pauseOf(error: ConnectError, attempt: number): number | null {
  const asked = askedPause(error);
  const passes =
    error.code === Code.Unavailable ||
    isBrokenConnection(error) ||
    (error.code === Code.ResourceExhausted && asked !== null);
  if (!passes) return null;
  return Math.max(asked ?? 0, growingPause(attempt));
}

/** When the server asks to come again, in milliseconds from now; null: it does not say. */
export function askedPause(error: ConnectError): number | null {
  const [info] = error.findDetails(RetryInfoSchema);
  const asked = info?.retryDelay;
  return asked === undefined ? null : Number(asked.seconds) * 1_000 + asked.nanos / 1_000_000;
}

/** A pause before the attempt of that number, from 1: they double, vary, and have a bound. */
export function growingPause(attempt: number): number {
  const grown = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1));
  return grown * (0.5 + Math.random() / 2);
}
