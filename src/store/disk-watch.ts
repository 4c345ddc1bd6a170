import { type DiskSpace, lowDisks, readDisks, readTableSizes, type TableSize } from './disk-space.js';
import type { Store } from './store.js';

const EVERY_MS = 15_000;

/** Looks at the store's disks from time to time: a full one stops all writing, and that is seen coming. */
export class DiskWatch {
  readonly #store: Store;
  readonly #leastPercent: number;
  readonly #seen: (disks: readonly DiskSpace[], tables: readonly TableSize[]) => void;
  #timer: NodeJS.Timeout | undefined;
  #fault: string | undefined;
  #looking = false;

  /** `leastPercent`: share of a disk that should be free. `seen` gets each reading. */
  constructor(
    store: Store,
    leastPercent: number,
    seen: (disks: readonly DiskSpace[], tables: readonly TableSize[]) => void,
  ) {
    this.#store = store;
    this.#leastPercent = leastPercent;
    this.#seen = seen;
  }

  start(): void {
    void this.look();
    this.#timer = setInterval(() => void this.look(), EVERY_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Looks now, unless the look before still waits. Never rejects: whether the store answers is asked elsewhere. */
  async look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      const [disks, tables] = [await readDisks(this.#store), await readTableSizes(this.#store)];
      this.#fault = lowDisks(disks, this.#leastPercent);
      this.#seen(disks, tables);
    } catch {
      // What was known stays.
    } finally {
      this.#looking = false;
    }
  }

  /** What is wrong, in a sentence; undefined: nothing, as far as is known. */
  fault(): string | undefined {
    return this.#fault;
  }
}
