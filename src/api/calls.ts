import type { handleUnaryCall, ServerReadableStream, ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import { PerennialError } from '../core/errors.js';
import type { Logger } from '../telemetry/log.js';
import { failureOf } from './status.js';

/**
 * The calls under way. Each gets a signal that aborts when its caller goes away, its deadline passes or the server gives up
 * on it; whatever it throws becomes a status. `settled` is for those who must not close the store under a call.
 */
export class Calls {
  readonly #log: Logger;
  readonly #underWay = new Set<Promise<void>>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** @param atOnce An answer that needs no waiting, tried first; undefined when there is none. Must not throw. */
  unary<Q, R>(
    answer: (request: Q, signal: AbortSignal) => Promise<R>,
    atOnce?: (request: Q) => R | undefined,
  ): handleUnaryCall<Q, R> {
    return (call, callback) => {
      // Nothing can be aborted or left under way here, and what would watch for it costs a quarter of such a call.
      const ready = atOnce?.(call.request);
      if (ready !== undefined) callback(null, ready);
      else this.#run(call, callback, (signal) => answer(call.request, signal));
    };
  }

  clientStream<Q, R>(
    answer: (requests: AsyncIterable<Q>, signal: AbortSignal) => Promise<R>,
  ): (call: ServerReadableStream<Q, R>, callback: sendUnaryData<R>) => void {
    return (call, callback) => {
      this.#run(call, callback, (signal) => answer(call as AsyncIterable<Q>, signal));
    };
  }

  /** Resolves once no call is under way. Never rejects. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  #run<Q, R>(
    call: ServerUnaryCall<Q, R> | ServerReadableStream<Q, R>,
    callback: sendUnaryData<R>,
    answer: (signal: AbortSignal) => Promise<R>,
  ): void {
    const abort = new AbortController();
    const gone = () => abort.abort(new PerennialError('cancelled', 'The caller went away.'));
    if (call.cancelled) gone();
    else call.once('cancelled', gone);
    const running = answer(abort.signal)
      .then(
        (response) => callback(null, response),
        (thrown) => {
          // Nobody is there to be told, and a caller that goes away is no fault to be logged.
          const failed = abort.signal.aborted ? abort.signal.reason : thrown;
          callback(failureOf(failed, call.getPath(), this.#log));
        },
      )
      .finally(() => this.#underWay.delete(running));
    this.#underWay.add(running);
  }
}
