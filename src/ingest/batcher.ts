import { LIMITS } from '../core/limits.js';
import type { Delivery } from './signal-source.js';

/**
 * Gathers deliveries into batches, bounded in rows and bytes. One batch at most is being written while the next fills up:
 * reading goes on during an insert, and waits for it when it is the faster one.
 */
export class Batcher {
  readonly #deliver: (batch: readonly Delivery[]) => Promise<void>;
  readonly #rows: number;
  #batch: Delivery[] = [];
  #bytes = 0;
  #delivery: Promise<void> = Promise.resolve();

  /** @param rows Most rows of one batch. */
  constructor(deliver: (batch: readonly Delivery[]) => Promise<void>, rows: number = LIMITS.batchRows) {
    this.#deliver = deliver;
    this.#rows = rows;
  }

  /** Adds a delivery that was read from so many bytes. Full: wait for `flush` before the next. */
  add(delivery: Delivery, bytes: number): void {
    this.#batch.push(delivery);
    this.#bytes += bytes;
  }

  get full(): boolean {
    return this.#batch.length >= this.#rows || this.#bytes >= LIMITS.batchBytes;
  }

  /** Hands over what has gathered once the batch before it is done. Rejects with what that one failed with. */
  async flush(): Promise<void> {
    await this.#delivery;
    if (this.#batch.length === 0) return;
    this.#delivery = this.#deliver(this.#batch);
    // Looked at by the next flush, or by finish; until then it must not count as unhandled.
    this.#delivery.catch(() => {});
    this.#batch = [];
    this.#bytes = 0;
  }

  /** Resolves once everything is delivered. */
  async finish(): Promise<void> {
    await this.flush();
    await this.#delivery;
  }
}
