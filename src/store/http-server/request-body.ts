import type { Readable } from 'node:stream';

/** The body of a request: its beginning, which may hold the statement, and then the rest as it comes. */
export class RequestBody {
  readonly #parts: AsyncIterator<Buffer>;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #ended = false;

  constructor(source: Readable) {
    this.#parts = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /** Reads until at least `bytes` are there or the body ends. */
  async head(bytes: number): Promise<{ bytes: Buffer; ended: boolean }> {
    while (!this.#ended && this.#heldBytes < bytes) {
      const next = await this.#parts.next();
      if (next.done === true) this.#ended = true;
      else {
        this.#held.push(next.value);
        this.#heldBytes += next.value.length;
      }
    }
    const all = Buffer.concat(this.#held);
    this.#held = [all];
    return { bytes: all, ended: this.#ended };
  }

  /** Everything from a place of the head on. */
  async *from(offset: number): AsyncGenerator<Buffer> {
    const { bytes } = await this.head(offset);
    this.#held = [];
    if (bytes.length > offset) yield bytes.subarray(offset);
    while (!this.#ended) {
      const next = await this.#parts.next();
      if (next.done === true) this.#ended = true;
      else yield next.value;
    }
  }

  /** Reads and forgets the rest. Resolves to whether it ended within `maxBytes`; never rejects. */
  async skip(maxBytes: number): Promise<boolean> {
    let left = maxBytes;
    try {
      for await (const part of this.from(0)) {
        left -= part.length;
        if (left < 0) return false;
      }
      return true;
    } catch {
      return false;
    }
  }
}
