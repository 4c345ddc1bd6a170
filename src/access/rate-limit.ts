import { LRUCache } from 'lru-cache';
import type { Clock } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import type { Caller } from './caller.js';

interface Bucket {
  tokens: number;
  at: number;
}

/** Callers remembered; one that is forgotten begins with a full burst. */
const CALLERS = 10_000;
/** Seconds' worth of calls that may come at once. */
const BURST_SECONDS = 2;

/** Holds every caller to its calls a second. Bounded in memory. */
export class RateLimit {
  readonly #clock: Clock;
  readonly #buckets = new LRUCache<string, Bucket>({ max: CALLERS });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts one call. Throws `limit_exceeded`, with when the next one may come. */
  count({ name, callsPerSecond }: Caller): void {
    if (callsPerSecond === null) return;
    const now = this.#clock();
    const most = Math.max(1, callsPerSecond * BURST_SECONDS);
    let bucket = this.#buckets.get(name);
    if (bucket === undefined) {
      bucket = { tokens: most, at: now };
      this.#buckets.set(name, bucket);
    }
    bucket.tokens = Math.min(most, bucket.tokens + (Math.max(0, now - bucket.at) / 1_000) * callsPerSecond);
    bucket.at = now;
    if (bucket.tokens >= 1) {
      bucket.tokens -= 1;
      return;
    }
    throw new PerennialError('limit_exceeded', `${name} may make ${callsPerSecond} calls a second.`, {
      reason: 'RATE_LIMIT',
      retryable: true,
      retryAfterMs: Math.ceil(((1 - bucket.tokens) / callsPerSecond) * 1_000),
      subject: { type: 'caller', name },
      hint: 'Send fewer, or ask for more at once: BatchGetRisks, IngestSignals.',
    });
  }
}
