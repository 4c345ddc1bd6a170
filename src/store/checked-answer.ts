import type { Readable } from 'node:stream';
import { extractErrorAtTheEndOfChunk, parseError } from '@clickhouse/client';
import { cancelled } from './aborted.js';
import { storeError } from './store-error.js';

/** What is kept of an answer to explain its failure: an exception of the engine is shorter. */
const TAIL_BYTES = 16_384;

/**
 * The bytes of an answer whose status was good. A query may still fail in the middle: the server then writes the exception behind
 * the rows it has sent, and cuts the connection. Iterating throws it, and never passes it on as a part of the answer.
 */
export class CheckedAnswer {
  readonly #stream: Readable;
  /** Since ClickHouse 25.11 the server names a mark, unknown to the data, that an exception stands between. */
  readonly #tag: string | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #onGivenUp: () => void;
  #tail: Buffer = Buffer.alloc(0);

  /** `onGivenUp`: the answer was left before its end, so that the query may still be running. */
  constructor(
    stream: Readable,
    headers: Readonly<Record<string, string | string[] | undefined>>,
    options: { readonly signal: AbortSignal | undefined; readonly onGivenUp: () => void },
  ) {
    this.#stream = stream;
    this.#signal = options.signal;
    this.#onGivenUp = options.onGivenUp;
    const tag = headers['x-clickhouse-exception-tag'];
    this.#tag = typeof tag === 'string' && tag !== '' ? tag : undefined;
  }

  /** Once. */
  async *bytes(): AsyncGenerator<Buffer, void> {
    const signal = this.#signal;
    const mark = Buffer.from(this.#tag === undefined ? '' : `\r\n__exception__\r\n${this.#tag}\r\n`);
    const stop = () => this.#stream.destroy(cancelled(signal?.reason));
    if (signal?.aborted === true) stop();
    signal?.addEventListener('abort', stop, { once: true });
    /** The end of what has come, in which the mark may have begun; from the mark on, all that follows. */
    let held: Buffer = Buffer.alloc(0);
    let failed = false;
    let ended = false;
    try {
      for await (const chunk of this.#stream as AsyncIterable<Buffer>) {
        if (mark.length === 0) {
          this.#tail = Buffer.concat([this.#tail, chunk]).subarray(-TAIL_BYTES);
          yield chunk;
          continue;
        }
        const all: Buffer = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
        const at: number = failed ? 0 : all.indexOf(mark);
        failed ||= at >= 0;
        const until = failed ? at : Math.max(0, all.length - mark.length + 1);
        if (until > 0) yield all.subarray(0, until);
        held = all.subarray(until);
      }
      ended = true;
    } catch (thrown) {
      ended = failed;
      // A cut behind an exception is what the server means by it.
      if (!failed) throw this.explain(thrown);
    } finally {
      signal?.removeEventListener('abort', stop);
      if (!ended) this.#onGivenUp();
    }
    if (failed) throw storeError(extractErrorAtTheEndOfChunk(held, this.#tag!));
    if (held.length > 0) yield held;
  }

  /** What a failure of the connection, or of the caller that reads the bytes, comes from: older servers say it in the bytes. */
  explain(thrown: unknown): Error {
    const text = /Code: \d+\. DB::\w*Exception: [\s\S]*$/.exec(this.#tail.toString('utf8'))?.[0];
    return storeError(text === undefined ? thrown : parseError(text));
  }
}
