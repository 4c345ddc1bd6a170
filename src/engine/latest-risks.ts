import { LRUCache } from 'lru-cache';
import { type Clock, type Millis, systemClock } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import { LIMITS } from '../core/limits.js';
import type { StoredRisk } from '../store/risk-state.js';

/** How long a latest risk may be out of date where other processes score into the same store. */
export const SHARED_TTL_MS = 2_000;

export interface LatestRisksOptions {
  /** Subscriptions held. @default LIMITS.latestRisks */
  readonly entries?: number;
  /**
   * How long an answer may be out of date when another process scores into the same store, in milliseconds. What this
   * process scores shows at once. Null: nobody else does, and an answer holds until this process scores.
   * @default SHARED_TTL_MS for a store that others can write to, else null
   */
  readonly ttlMs?: number | null;
  /** @default the system's */
  readonly clock?: Clock;
}

/** A risk that has just been stored, made only when a caller asks about its subscription. */
export interface JustStored {
  readonly subscriptionId: string;
  readonly asOf: Millis;
  risk(): StoredRisk;
}

type Found = StoredRisk | undefined;

/** How long it is remembered that there is no such subscription: a caller that asks in a loop asks the store once a second. */
const ABSENT_MS = 1_000;
const ABSENT_ENTRIES = 10_000;

/**
 * The latest risk of the subscriptions that are asked about most. A question after `stored` never gets what was stored before
 * it; reads of one subscription at the same time share one query. That a subscription does not exist is
 * remembered for a moment, and only until it is stored. While the store does not answer, what is known is answered, however old, and
 * `staleSince` says since when.
 */
export class LatestRisks {
  readonly #read: (subscriptionId: string) => Promise<Found>;
  readonly #clock: Clock;
  readonly #known: LRUCache<string, StoredRisk>;
  readonly #absent = new LRUCache<string, true>({ max: ABSENT_ENTRIES, ttl: ABSENT_MS });
  readonly #reading = new Map<string, Promise<Found>>();
  #answeredAt: Millis;
  #away = false;

  constructor(
    read: (subscriptionId: string) => Promise<Found>,
    { entries = LIMITS.latestRisks, ttlMs = null, clock = systemClock }: LatestRisksOptions = {},
  ) {
    this.#read = read;
    this.#clock = clock;
    this.#answeredAt = clock();
    this.#known = new LRUCache({
      max: entries,
      ...(ttlMs === null ? {} : { ttl: ttlMs }),
      // What is out of date is still better than nothing while the store is away.
      noDeleteOnStaleGet: true,
    });
  }

  /** The one that is in memory and current; undefined when it has to be read. */
  known(subscriptionId: string): Found {
    return this.#known.get(subscriptionId);
  }

  /** When the store last answered, while it does not; undefined: it does. */
  get staleSince(): Millis | undefined {
    return this.#away ? this.#answeredAt : undefined;
  }

  /** Undefined when the subscription was never scored. Rejects with `unavailable` when nothing is known and the store is away. */
  async get(subscriptionId: string): Promise<Found> {
    const known = this.#known.get(subscriptionId);
    if (known !== undefined) return known;
    if (this.#absent.has(subscriptionId)) return undefined;
    return this.#reading.get(subscriptionId) ?? this.#start(subscriptionId);
  }

  /** To be called once risks are in the store. One as of an earlier time than what is held is not the latest. */
  stored(risks: Iterable<JustStored>): void {
    this.#answered();
    if (this.#known.size === 0 && this.#reading.size === 0 && this.#absent.size === 0) return;
    for (const { subscriptionId, asOf, risk } of risks) {
      const known = this.#known.get(subscriptionId, { allowStale: true });
      if (known !== undefined && asOf >= known.asOf) this.#known.set(subscriptionId, risk());
      this.#absent.delete(subscriptionId);
      // A query that runs may have seen the older risk: those who wait for it asked before, but nobody may join it now.
      this.#reading.delete(subscriptionId);
    }
  }

  /** Holds risks for a caller that is about to ask for them. They are stored, and `stored` has been called for them. */
  hold(risks: Iterable<JustStored>): void {
    for (const { subscriptionId, risk } of risks)
      if (!this.#known.has(subscriptionId)) this.#known.set(subscriptionId, risk());
  }

  /** To be called once subscriptions are stored as gone. */
  left(subscriptionIds: Iterable<string>): void {
    for (const subscriptionId of subscriptionIds) {
      this.#known.delete(subscriptionId);
      this.#reading.delete(subscriptionId);
    }
  }

  #start(subscriptionId: string): Promise<Found> {
    const reading: Promise<Found> = this.#read(subscriptionId)
      .then((risk) => {
        this.#answered();
        if (this.#reading.get(subscriptionId) !== reading) return risk;
        if (risk !== undefined) this.#known.set(subscriptionId, risk);
        else {
          this.#known.delete(subscriptionId);
          this.#absent.set(subscriptionId, true);
        }
        return risk;
      })
      .catch((thrown: unknown) => this.#lastKnown(subscriptionId, thrown))
      .finally(() => {
        if (this.#reading.get(subscriptionId) === reading) this.#reading.delete(subscriptionId);
      });
    this.#reading.set(subscriptionId, reading);
    return reading;
  }

  /** What was known before the store went away. */
  #lastKnown(subscriptionId: string, thrown: unknown): StoredRisk {
    const known = this.#known.get(subscriptionId, { allowStale: true });
    if (PerennialError.from(thrown).code !== 'unavailable') throw thrown;
    this.#away = true;
    if (known === undefined) throw thrown;
    return known;
  }

  #answered(): void {
    this.#answeredAt = this.#clock();
    this.#away = false;
  }
}
