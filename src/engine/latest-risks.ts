import { LRUCache } from 'lru-cache';
import type { Millis } from '../core/clock.js';
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
}

/** A risk that has just been stored, made only when somebody asks about its subscription. */
export interface JustStored {
  readonly subscriptionId: string;
  readonly asOf: Millis;
  risk(): StoredRisk;
}

/**
 * The latest risk of the subscriptions that are asked about most. A question after `stored` never gets what was stored before
 * it; reads of one subscription at the same time share one query. What does not exist is not remembered, so that a new
 * subscription shows as soon as it is scored.
 */
export class LatestRisks {
  readonly #read: (subscriptionId: string) => Promise<StoredRisk | undefined>;
  readonly #known: LRUCache<string, StoredRisk>;
  readonly #underWay = new Map<string, Promise<StoredRisk | undefined>>();

  constructor(
    read: (subscriptionId: string) => Promise<StoredRisk | undefined>,
    { entries = LIMITS.latestRisks, ttlMs = null }: LatestRisksOptions = {},
  ) {
    this.#read = read;
    this.#known = new LRUCache({ max: entries, ...(ttlMs === null ? {} : { ttl: ttlMs }) });
  }

  /** The one that is in memory; undefined when it has to be read. */
  known(subscriptionId: string): StoredRisk | undefined {
    return this.#known.get(subscriptionId);
  }

  /** Undefined when the subscription was never scored. */
  async get(subscriptionId: string): Promise<StoredRisk | undefined> {
    return (
      this.#known.get(subscriptionId) ?? this.#underWay.get(subscriptionId) ?? this.#start(subscriptionId)
    );
  }

  /** To be called once risks are in the store. One as of an earlier time than what is held is not the latest. */
  stored(risks: Iterable<JustStored>): void {
    if (this.#known.size === 0 && this.#underWay.size === 0) return;
    for (const { subscriptionId, asOf, risk } of risks) {
      const known = this.#known.get(subscriptionId);
      if (known !== undefined && asOf >= known.asOf) this.#known.set(subscriptionId, risk());
      // A query under way may have seen the older risk: whoever waits for it asked before, but nobody may join it now.
      this.#underWay.delete(subscriptionId);
    }
  }

  /** To be called once subscriptions are stored as gone. */
  left(subscriptionIds: Iterable<string>): void {
    for (const subscriptionId of subscriptionIds) {
      this.#known.delete(subscriptionId);
      this.#underWay.delete(subscriptionId);
    }
  }

  #start(subscriptionId: string): Promise<StoredRisk | undefined> {
    const reading = this.#read(subscriptionId)
      .then((risk) => {
        const current = this.#underWay.get(subscriptionId) === reading;
        if (current && risk !== undefined) this.#known.set(subscriptionId, risk);
        return risk;
      })
      .finally(() => {
        if (this.#underWay.get(subscriptionId) === reading) this.#underWay.delete(subscriptionId);
      });
    this.#underWay.set(subscriptionId, reading);
    return reading;
  }
}
