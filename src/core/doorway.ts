/** Default number of calls that start in one turn of the event loop. Each may cost a fraction of a millisecond. */
const IN_ONE_TURN = 8;

/** Connections whose first call of a turn starts at once, whatever waits. */
const ALONE_IN_ONE_TURN = 32;

/**
 * Lets work begin by eights, one turn of the event loop after the other: of a hundred calls that arrive in one packet all would
 * otherwise be read, checked and refused before a call of another connection is looked at. Those that bring the work take turns, so that
 * one that brings much waits behind itself. The first piece that one brings in a turn starts at once, for a limited number of them.
 */
export class Doorway {
  readonly #inOneTurn: number;
  /** What has begun in this turn, and what waits. */
  #entered = 0;
  #waitingCount = 0;
  /** What waits of each that brings work, in the order of their turns. */
  readonly #waiting = new Map<object, (() => void)[]>();
  /** What has brought work in this turn. */
  readonly #brought = new Set<object>();

  constructor(inOneTurn = IN_ONE_TURN) {
    this.#inOneTurn = inOneTurn;
  }

  /**
   * To be awaited before the work; undefined: it need not wait.
   * @param of What brings it, such as a connection. @default one for all
   */
  pass(of: object = this): Promise<void> | undefined {
    if (this.#entered === 0) setImmediate(() => this.#next());
    const isAlone =
      !this.#brought.has(of) && !this.#waiting.has(of) && this.#brought.size < ALONE_IN_ONE_TURN;
    this.#brought.add(of);
    if (++this.#entered <= this.#inOneTurn || isAlone) return undefined;
    this.#waitingCount++;
    return new Promise((resolve) => {
      const queue = this.#waiting.get(of);
      if (queue === undefined) this.#waiting.set(of, [resolve]);
      else queue.push(resolve);
    });
  }

  #next(): void {
    this.#brought.clear();
    const now: (() => void)[] = [];
    while (now.length < this.#inOneTurn && this.#waitingCount > 0) {
      const [first] = this.#waiting;
      const [of, queue] = first!;
      now.push(queue.shift()!);
      this.#waitingCount--;
      // To the end, so that each has its turn.
      this.#waiting.delete(of);
      if (queue.length > 0) this.#waiting.set(of, queue);
    }
    this.#entered = now.length + this.#waitingCount;
    if (this.#entered > 0) setImmediate(() => this.#next());
    for (const enter of now) enter();
  }
}
