import { DAY_MS, type Millis } from '../core/clock.js';
import { dateTime64 } from '../core/sql-time.js';
import type { FeatureStore } from './feature-store.js';
import type { TypeSet } from './signal-types.js';

/**
 * Which signal types anyone sends, as of some times: what needs a type that nobody sends is not applicable. Fields of contracts
 * count as types of the category `contract`.
 *
 * Exact to the day: a type that was sent for the last time within the first day of a window may count as outside of it.
 */
export class SentTypes {
  readonly #days: readonly SentDay[];
  readonly #known: boolean;
  readonly #ages = new Map<Millis, ReadonlyMap<string, number>>();

  /** `known`: only what had arrived by the time in question counts. */
  constructor(days: readonly SentDay[], known: boolean) {
    this.#days = days;
    this.#known = known;
  }

  /** Whether anyone sent one of these types in the last days before a time. */
  has({ types, categories }: TypeSet, withinDays: number, asOf: Millis): boolean {
    const ages = this.#agesAt(asOf);
    const isRecent = (key: string) => (ages.get(key) ?? Number.POSITIVE_INFINITY) < withinDays * DAY_MS;
    return types.some(isRecent) || categories.some((category) => isRecent(`${category}.*`));
  }

  /** Whether any contract has this field as of a time. */
  hasField(field: string, asOf: Millis): boolean {
    return this.#agesAt(asOf).has(`contract.${field}`);
  }

  /** Milliseconds since a type, a category or a field was last sent. */
  #agesAt(asOf: Millis): ReadonlyMap<string, number> {
    const found = this.#ages.get(asOf);
    if (found !== undefined) return found;
    const ages = new Map<string, number>();
    for (const { category, type, firstAt, lastAt, firstKnownAt } of this.#days) {
      if (firstAt > asOf || (this.#known && firstKnownAt > asOf)) continue;
      const age = Math.max(0, asOf - lastAt);
      const keys = category === 'contract' ? [`contract.${type}`] : [type, `${category}.*`];
      for (const key of keys) ages.set(key, Math.min(age, ages.get(key) ?? age));
    }
    this.#ages.set(asOf, ages);
    return ages;
  }
}

export interface SentDay {
  readonly category: string;
  readonly type: string;
  readonly firstAt: Millis;
  readonly lastAt: Millis;
  readonly firstKnownAt: Millis;
}

/**
 * Which types were sent as of one time; `knownAt`: as far as had arrived by then. One row a type, so that the answer for a
 * single account costs little.
 */
export async function readSentTypes(
  store: FeatureStore,
  asOf: Millis,
  knownAt: Millis | undefined,
  lane: 'serve' | 'batch',
): Promise<SentTypes> {
  const known = knownAt === undefined ? '' : " AND first_known_at <= {known_at:DateTime64(3, 'UTC')}";
  const days = await store.rows<SentDay>(
    `SELECT category, type, toUnixTimestamp64Milli(min(first_at)) AS firstAt,
       toUnixTimestamp64Milli(least(max(last_at), {as_of:DateTime64(3, 'UTC')})) AS lastAt, 0 AS firstKnownAt
     FROM signal_types FINAL WHERE first_at <= {as_of:DateTime64(3, 'UTC')}${known} GROUP BY category, type`,
    {
      as_of: dateTime64(asOf),
      ...(knownAt === undefined ? {} : { known_at: dateTime64(knownAt) }),
    },
    { lane },
  );
  return new SentTypes(days, false);
}

/** Which types were sent as of many times up to the last one, each with what had arrived by then. */
export async function readSentTypesOfTimes(store: FeatureStore, lastAsOf: Millis): Promise<SentTypes> {
  const days = await store.rows<SentDay>(
    `SELECT category, type, toUnixTimestamp64Milli(min(first_at)) AS firstAt, toUnixTimestamp64Milli(max(last_at)) AS lastAt,
       toUnixTimestamp64Milli(min(first_known_at)) AS firstKnownAt
     FROM signal_types WHERE day <= toDate({as_of:DateTime64(3, 'UTC')}) GROUP BY category, type, day`,
    { as_of: dateTime64(lastAsOf) },
    { lane: 'batch' },
  );
  return new SentTypes(days, true);
}
