import { LRUCache } from 'lru-cache';
import type { Clock, Millis } from '../../core/clock.js';
import { Admission } from '../engine/admission.js';
import { ClickHouseException, CODE } from '../engine/clickhouse-exception.js';

/** Wrong passwords that an address may send at once, and how long until it may send one more. */
const BURST = 10;
const REFILL_MS = 3_000;
/** Logins that wait for their password to be hashed: some 50 ms each. */
const MOST_WAITING = 100;

/**
 * Guards what a login costs. Passwords are hashed one at a time, since each takes a thread of Node's pool for 50 ms and queries need
 * those; and an address that sends wrong ones is refused without a hash until it has paused.
 */
export class LoginThrottle {
  readonly #clock: Clock;
  readonly #hashing = new Admission(1, MOST_WAITING);
  /** By address: failures that still count, and as of when. */
  readonly #failures = new LRUCache<string, { count: number; at: Millis }>({ max: 10_000 });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs the check of a password in its turn. Throws AUTHENTICATION_FAILED for an address that has to pause. */
  async verify(address: string, check: () => Promise<boolean>): Promise<boolean> {
    this.#refuseTooMany(address);
    const leave = await this.#hashing.enter(new AbortController().signal);
    try {
      // While it waited, others from there may have failed.
      this.#refuseTooMany(address);
      const right = await check();
      if (!right) this.#failures.set(address, { count: this.#count(address) + 1, at: this.#clock() });
      return right;
    } finally {
      leave();
    }
  }

  #refuseTooMany(address: string): void {
    if (this.#count(address) < BURST) return;
    throw new ClickHouseException(
      CODE.authenticationFailed,
      'AUTHENTICATION_FAILED',
      `Too many wrong passwords from ${address}. Try again in some seconds.`,
    );
  }

  #count(address: string): number {
    const known = this.#failures.get(address);
    if (known === undefined) return 0;
    return Math.max(0, known.count - (this.#clock() - known.at) / REFILL_MS);
  }
}
