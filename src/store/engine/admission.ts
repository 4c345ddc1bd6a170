import { ClickHouseException, CODE } from './clickhouse-exception.js';

/** One for all: callers leave by the hundred, and none reads a stack. */
const GONE = new ClickHouseException(CODE.queryCancelled, 'QUERY_WAS_CANCELLED', 'The caller went away.');

/**
 * How many statements run at once. Every running one holds a thread of Node's pool until it ends, and the pool also serves
 * files, names and password hashes: one thread is left to them.
 */
export class Admission {
  readonly #places: number;
  readonly #maxWaiting: number;
  readonly #waiting: { go(): void }[] = [];
  #running = 0;

  constructor(places: number, maxWaiting: number) {
    this.#places = places;
    this.#maxWaiting = maxWaiting;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Waits for a place, first come first served. Throws TOO_MANY_SIMULTANEOUS_QUERIES when too many wait already. */
  async enter(signal: AbortSignal): Promise<() => void> {
    if (this.#running < this.#places) this.#running++;
    else if (this.#waiting.length >= this.#maxWaiting) {
      throw new ClickHouseException(
        CODE.tooManyQueries,
        'TOO_MANY_SIMULTANEOUS_QUERIES',
        `Too many simultaneous queries. ${this.#places} run and ${this.#waiting.length} wait.`,
      );
    } else await this.#turn(signal);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const next = this.#waiting.shift();
      // The place passes on, so that nobody can slip in between.
      if (next !== undefined) next.go();
      else this.#running--;
    };
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const gone = () => {
        const at = this.#waiting.indexOf(entry);
        if (at >= 0) this.#waiting.splice(at, 1);
        reject(GONE);
      };
      const entry = {
        go: () => {
          signal.removeEventListener('abort', gone);
          resolve();
        },
      };
      if (signal.aborted) {
        gone();
        return;
      }
      signal.addEventListener('abort', gone, { once: true });
      this.#waiting.push(entry);
    });
  }
}

/** Statements at once that leave a thread of Node's pool free. */
export function defaultPlaces(): number {
  const threads = Number(process.env.UV_THREADPOOL_SIZE ?? 4);
  return Math.max(1, (Number.isFinite(threads) && threads > 0 ? Math.floor(threads) : 4) - 1);
}
