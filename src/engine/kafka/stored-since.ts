import { type Clock, type Millis, steadyClock } from '../../core/clock.js';

/** From which time of storing on to read what has been stored since it was read before. */
export class StoredSince {
  readonly #steady: Clock;
  /** The latest time that was seen. */
  #until: Millis;
  #readAt: Millis;

  constructor(until: Millis, steady: Clock = steadyClock) {
    this.#steady = steady;
    this.#until = until;
    this.#readAt = steady();
  }

  /** Where the clock was set back, what has been stored since is older than what was stored before. To be called for each reading. */
  next(now: Millis): Millis {
    const before = this.#readAt;
    this.#readAt = this.#steady();
    return Math.min(this.#until, now - (this.#readAt - before));
  }

  saw(storedAt: Millis): void {
    this.#until = Math.max(this.#until, storedAt);
  }
}
