import { constants, type ServerHttp2Stream } from 'node:http2';

/** How much may be held, and for how long. */
export interface HeldLimits {
  /** Bytes of all streams together. */
  readonly bytes: number;
  /** Since a stream began to hold something, or last held less than before. */
  readonly ms: number;
}

/** What the server holds something for: a stream of HTTP/2, or a request of HTTP/1.1. */
export interface Holder {
  readonly closed: boolean;
  readonly destroyed: boolean;
  /** The connection. */
  readonly session: unknown;
  once(event: 'close', listener: () => void): unknown;
  close(code: number): void;
}

interface Held {
  bytes: number;
  since: number;
}

/**
 * Memory that callers make the server hold for them: requests that have not come whole, and answers that are not read. Flow control bounds
 * neither, since every stream of every connection may have one. When it is too much in all, the connection that holds the most loses those
 * streams; what is held for too long ends by itself.
 */
export class HeldBytes {
  readonly #limits: HeldLimits;
  readonly #streams = new Map<Holder, Held>();
  /** A stream holds something again for each large part of its answer; when it closes, once is enough. */
  readonly #watched = new WeakSet<Holder>();
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: HeldLimits) {
    this.#limits = limits;
  }

  /** Counts bytes that are held for a stream, until it is released or closes. */
  hold(stream: Holder, bytes: number): void {
    if (stream.closed || stream.destroyed) return;
    let held = this.#streams.get(stream);
    if (held === undefined) {
      held = { since: performance.now(), bytes: 0 };
      this.#streams.set(stream, held);
      if (!this.#watched.has(stream)) stream.once('close', () => this.release(stream));
      this.#watched.add(stream);
      this.#endLate();
    }
    held.bytes += bytes;
    this.#bytes += bytes;
    if (this.#bytes > this.#limits.bytes) this.#makeRoom();
  }

  /** Counts off what is no longer held. @default all of it */
  release(stream: Holder, bytes = Number.POSITIVE_INFINITY): void {
    const held = this.#streams.get(stream);
    if (held === undefined) return;
    const less = Math.min(bytes, held.bytes);
    held.bytes -= less;
    held.since = performance.now();
    this.#bytes -= less;
    if (bytes === Number.POSITIVE_INFINITY) this.#streams.delete(stream);
  }

  #makeRoom(): void {
    const sums = new Map<unknown, number>();
    for (const [{ session }, { bytes }] of this.#streams) sums.set(session, (sums.get(session) ?? 0) + bytes);
    const [most] = [...sums].reduce((a, b) => (b[1] > a[1] ? b : a));
    for (const stream of [...this.#streams.keys()])
      if (stream.session === most) this.#end(stream, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  /** @param code To calm down is RESOURCE_EXHAUSTED for clients of gRPC. */
  #end(stream: Holder, code: number): void {
    this.release(stream);
    stream.close(code);
  }

  #endLate(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const late = performance.now() - this.#limits.ms;
      for (const [stream, { bytes, since }] of [...this.#streams])
        if (bytes > 0 && since < late) this.#end(stream, constants.NGHTTP2_CANCEL);
      if (this.#streams.size > 0) this.#endLate();
    }, this.#limits.ms / 10).unref();
  }
}

/** What takes less is not worth counting. */
export const SMALL_BYTES = 16_384;

/** Counts what has come of a request until it is whole. To be called once something else reads the stream. */
export function holdRequest(stream: ServerHttp2Stream, held: HeldBytes): void {
  let small = 0;
  stream.on('data', ({ length }: Buffer) => {
    small += length;
    if (small <= SMALL_BYTES) return;
    held.hold(stream, small);
    small = 0;
  });
  stream.once('end', () => held.release(stream));
}
