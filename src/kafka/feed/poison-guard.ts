/** When a partition counts as poisoned. */
export interface PoisonLimits {
  /** Share of rejected messages over the window, above 0 and at most 1. */
  readonly ratio: number;
  /** Latest messages that the share is taken over; until that many were seen, only the run counts. */
  readonly window: number;
  /** Rejected messages in a row. */
  readonly run: number;
}

/**
 * Watches one partition for a broken producer. A few bad messages are rejected and ingestion goes on; a flood of them
 * must stop the partition, or everything the producer sends until an operator looks would be rejected.
 */
export class PoisonGuard {
  readonly #limits: PoisonLimits;
  /** The window as a ring: 1 is a rejected message. */
  readonly #seen: Uint8Array;
  #at = 0;
  #filled = 0;
  #rejected = 0;
  #run = 0;

  constructor(limits: PoisonLimits) {
    this.#limits = limits;
    this.#seen = new Uint8Array(limits.window);
  }

  /** Takes note of one message. Returns why the partition has to stop, if so: then this message is not to be taken. */
  see(rejected: boolean): string | undefined {
    this.#rejected += Number(rejected) - this.#seen[this.#at]!;
    this.#seen[this.#at] = Number(rejected);
    this.#at = (this.#at + 1) % this.#seen.length;
    this.#filled = Math.min(this.#filled + 1, this.#seen.length);
    this.#run = rejected ? this.#run + 1 : 0;
    if (this.#run > this.#limits.run) return `more than ${this.#limits.run} messages in a row were rejected`;
    const share = this.#rejected / this.#seen.length;
    if (rejected && this.#filled === this.#seen.length && share > this.#limits.ratio)
      return `${this.#rejected} of the latest ${this.#seen.length} messages were rejected`;
    return undefined;
  }
}
