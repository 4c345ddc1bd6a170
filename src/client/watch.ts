import { setTimeout as pause } from 'node:timers/promises';
import { type CallOptions, Code, ConnectError } from '@connectrpc/connect';
import { isBrokenConnection } from './broken-connection.js';
import { askedPause, growingPause } from './retry.js';

type Watch<Request, Response> = (request: Request, options?: CallOptions) => AsyncIterable<Response>;

/** What a watch ends with when the server stops, the connection is cut, or the reader was too slow: it goes on after it. */
const PASSES: ReadonlySet<Code> = new Set([
  Code.Unavailable,
  Code.Aborted,
  Code.Canceled,
  Code.ResourceExhausted,
]);

/**
 * The responses of a watch, for as long as they are wanted: after a cut it watches again with the last `resume_token`, so that nothing is missed.
 * A change may come twice. Ends when the signal of the options aborts, or by an error that another try would not change.
 *
 * @example
 * for await (const { risks, resumeToken } of watch(perennial.risks.watchRisks, { filter }, { signal })) {
 *   for (const risk of risks) …
 *   await remember(resumeToken); // and give it as `resumeToken` of the request, to go on after a restart of this process
 * }
 */
export async function* watch<
  Request extends { readonly resumeToken?: string },
  Response extends { readonly resumeToken: string },
>(
  method: Watch<Request, Response>,
  request: Request,
  options: CallOptions = {},
): AsyncGenerator<Response, void> {
  const { signal } = options;
  const over = () => signal?.aborted === true;
  let resumeToken = request.resumeToken ?? '';
  for (let attempt = 1; !over(); attempt++) {
    let asked = 0;
    try {
      // A watch has no deadline.
      for await (const response of method({ ...request, resumeToken }, { timeoutMs: 0, ...options })) {
        attempt = 1;
        resumeToken = response.resumeToken;
        yield response;
      }
    } catch (thrown) {
      if (over()) return;
      const error = ConnectError.from(thrown);
      if (!PASSES.has(error.code) && !isBrokenConnection(error)) throw error;
      asked = askedPause(error) ?? 0;
    }
    const wait = Math.max(asked, growingPause(attempt));
    await pause(wait, undefined, signal === undefined ? {} : { signal }).catch(() => {});
  }
}
