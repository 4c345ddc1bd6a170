import type { Millis } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import { schemaState } from './schema-state.js';
import type { Store } from './store.js';

const EVERY_MS: Millis = 5_000;

/**
 * Whether the tables are still fit for a process that runs: a newer program may have taken away what this one uses, and
 * what it would then read and write is not defined.
 */
export class SchemaWatch {
  readonly #store: Store;
  readonly #onUnfit: (error: PerennialError) => void;
  #timer: NodeJS.Timeout | undefined;
  #asking = false;

  /** `onUnfit` is called once, with what `schemaState` throws. */
  constructor(store: Store, onUnfit: (error: PerennialError) => void) {
    this.#store = store;
    this.#onUnfit = onUnfit;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#ask(), EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #ask(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    try {
      await schemaState(this.#store);
    } catch (thrown) {
      const error = PerennialError.from(thrown);
      // A store that does not answer is the store watch's.
      if (error.code !== 'failed_precondition') return;
      this.stop();
      this.#onUnfit(error);
    } finally {
      this.#asking = false;
    }
  }
}
