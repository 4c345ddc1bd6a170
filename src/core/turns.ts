import { setImmediate as nextTurn } from 'node:timers/promises';

/** How long work may hold the event loop at a time: what is answered from memory waits so long at most. */
const HELD_MS = 4;

/** Lets others have their turn on the event loop in the middle of work that has many small parts. */
export class Turns {
  #since = performance.now();

  /** To be awaited between the parts. Waits only when the work has held the loop for its time. */
  async others(): Promise<void> {
    if (performance.now() - this.#since < HELD_MS) return;
    await nextTurn();
    this.#since = performance.now();
  }

  /** What becomes of each, one after the other. */
  async map<T, U>(items: Iterable<T>, change: (item: T) => U | Promise<U>): Promise<U[]> {
    const changed: U[] = [];
    for (const item of items) {
      const made = change(item);
      // Awaited only where it has to be: each wait costs more than a small part.
      changed.push(made instanceof Promise ? await made : made);
      await this.others();
    }
    return changed;
  }
}
