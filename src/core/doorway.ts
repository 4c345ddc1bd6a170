/** What passes within one turn of the event loop. Each may cost a fraction of a millisecond. */
const IN_ONE_TURN = 8;

/**
 * Lets work begin by eights, one turn of the event loop after the other: of a hundred calls that arrive in one packet all would
 * otherwise be read, checked and refused before a call of another connection is looked at.
 */
export class Doorway {
  #entered = 0;
  readonly #waiting: (() => void)[] = [];

  /** To be awaited before the work; undefined: it need not wait. */
  pass(): Promise<void> | undefined {
    if (this.#entered === 0) setImmediate(() => this.#next());
    if (++this.#entered <= IN_ONE_TURN) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #next(): void {
    const now = this.#waiting.splice(0, IN_ONE_TURN);
    this.#entered = now.length + this.#waiting.length;
    if (this.#entered > 0) setImmediate(() => this.#next());
    for (const enter of now) enter();
  }
}
