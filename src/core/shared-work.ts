/** Work that several wait for. It is cancelled once all of them have left, and not with the first. */
export class SharedWork<T> {
  readonly #cancel = new AbortController();
  readonly #done: Promise<T>;
  #waiting = 0;

  constructor(work: (signal: AbortSignal) => Promise<T>) {
    this.#done = work(this.#cancel.signal);
    // Those who wait get the error; without any it must not count as unhandled.
    this.#done.catch(() => {});
  }

  /** Whether it has been cancelled. A later caller has to start new work. */
  get cancelled(): boolean {
    return this.#cancel.signal.aborted;
  }

  /** What comes of the work; rejects with the reason of `signal` as soon as that aborts. */
  async wait(signal: AbortSignal): Promise<T> {
    this.#waiting++;
    let leave = () => {};
    const left = new Promise<never>((_resolve, reject) => {
      leave = () => reject(signal.reason);
      if (signal.aborted) leave();
      else signal.addEventListener('abort', leave, { once: true });
    });
    try {
      return await Promise.race([this.#done, left]);
    } finally {
      signal.removeEventListener('abort', leave);
      this.#waiting--;
      // Of no consequence where the work is done.
      if (this.#waiting === 0) this.#cancel.abort(signal.reason);
    }
  }
}
