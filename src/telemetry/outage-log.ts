import { type Clock, type Millis, steadyClock } from '../core/clock.js';
import { type ErrorCode, PerennialError } from '../core/errors.js';
import type { Logger } from './log.js';

/** Longest time without a reminder that an outage lasts. */
const REMIND_MS = 600_000;

export interface OutageWords {
  /** Such as "The store refuses writes; trying again". */
  readonly begin: string;
  /** Such as "The store takes writes again". */
  readonly end: string;
}

/**
 * Logs an outage when it begins and when it ends, however often it is noticed in between: one warning and one line of good news,
 * instead of a line a try. It is repeated for each further kind of fault, and as a reminder every ten minutes. For whatever is
 * tried again by itself.
 */
export class OutageLog {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #words: OutageWords;
  #since: Millis | undefined;
  #loggedAt = 0;
  /** Of the outage so far: two that take turns are no news. */
  readonly #codes = new Set<ErrorCode>();
  #failures = 0;

  constructor(logger: Logger, words: OutageWords, clock: Clock = steadyClock) {
    this.#logger = logger;
    this.#clock = clock;
    this.#words = words;
  }

  /**
   * It failed, again or for the first time. A defect is logged as an error, with its stack; what was cancelled, since partitions
   * changed hands or the process stops, is no failure.
   */
  failed(thrown: unknown, fields: object = {}): void {
    const error = PerennialError.from(thrown);
    if (error.code === 'cancelled') return;
    const now = this.#clock();
    const news = !this.#codes.has(error.code);
    this.#since ??= now;
    this.#failures++;
    if (!news && now - this.#loggedAt < REMIND_MS) return;
    this.#codes.add(error.code);
    this.#loggedAt = now;
    const { code, message, hint } = error;
    const reason = { code, reason: message, ...(hint === undefined ? {} : { hint }) };
    if (code === 'internal') this.#logger.error({ ...fields, ...reason, error }, this.#words.begin);
    else this.#logger.warn({ ...fields, ...reason }, this.#words.begin);
  }

  /** It went well. */
  recovered(fields: object = {}): void {
    if (this.#since === undefined) return;
    const seconds = Math.round((this.#clock() - this.#since) / 1000);
    this.#logger.info({ ...fields, seconds, failures: this.#failures }, this.#words.end);
    this.#since = undefined;
    this.#failures = 0;
    this.#codes.clear();
  }
}
