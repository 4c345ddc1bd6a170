/** The pieces of work now running that may have only one worker at a time: the consumer does not join anew before they end. */
export class ExclusiveWork {
  #running = 0;
  #waiting: (() => void)[] = [];

  get isRunning(): boolean {
    return this.#running > 0;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    this.#running++;
    try {
      return await work();
    } finally {
      this.#running--;
      if (this.#running === 0) for (const resolve of this.#waiting.splice(0)) resolve();
    }
  }

  /** Resolves once nothing is running. */
  async settled(): Promise<void> {
    while (this.#running > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
