/** How soon a stream ends whose caller has lost its rights. The access file itself is read again at its own intervals. */
const RECHECK_MS = 2_000;

/** A stream that ends itself when its caller may not make it any more. */
export interface OpenStream {
  recheck(): Promise<void>;
}

/** Streams last longer than the rights that they were begun with: while there are any, those rights are checked again and again. */
export class OpenStreams {
  readonly #open = new Set<OpenStream>();
  #timer: NodeJS.Timeout | undefined;

  /** Until the returned function is called. */
  watch(stream: OpenStream): () => void {
    this.#open.add(stream);
    this.#timer ??= setInterval(() => {
      for (const open of this.#open) void open.recheck();
    }, RECHECK_MS).unref();
    return () => {
      this.#open.delete(stream);
      if (this.#open.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }
}
