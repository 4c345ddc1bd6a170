import type { Clock, Millis } from '../core/clock.js';
import type { Store } from './store.js';

const EVERY_MS = 2_000;
/** An answer that takes longer counts as none. */
const SILENT_MS = 15_000;

/**
 * Whether the store answers, asked all the time: health must know also while nothing is read or written. One failure may be a
 * connection that was cut; two in a row are a fault.
 */
export class StoreWatch {
  readonly #store: Pick<Store, 'ping'>;
  readonly #clock: Clock;
  #timer: NodeJS.Timeout | undefined;
  #askedAt: Millis | undefined;
  #failures = 0;
  #fault = '';

  constructor(store: Pick<Store, 'ping'>, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  start(): void {
    this.#timer = setInterval(() => void this.ask(), EVERY_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** One question, unless the one before is still waiting for its answer. */
  async ask(): Promise<void> {
    if (this.#askedAt !== undefined) return;
    const askedAt = this.#clock();
    this.#askedAt = askedAt;
    try {
      await this.#store.ping();
      this.#failures = 0;
    } catch (thrown) {
      // Silence that was given up goes on: it is no connection that was cut.
      this.#failures += this.#clock() - askedAt > SILENT_MS ? 2 : 1;
      this.#fault = thrown instanceof Error ? thrown.message : String(thrown);
    } finally {
      this.#askedAt = undefined;
    }
  }

  notReady(): string | undefined {
    if (this.#failures >= 2) return this.#fault;
    const waited = this.#askedAt === undefined ? 0 : this.#clock() - this.#askedAt;
    return waited > SILENT_MS ? `The store has not answered for ${Math.round(waited / 1000)} s.` : undefined;
  }
}
