import { type Clock, DAY_MS, type Millis } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import type { Decision } from '../decisions/decision.js';
import { OPEN_STATUSES } from '../decisions/lifecycle.js';
import type { Subscription } from '../signals/subscription.js';
import {
  type CustomerEvent,
  type CustomerEventFilter,
  listCustomerEvents,
} from '../store/customer-events.js';
import {
  type RecentSignals,
  readFirstSeen,
  readRecentSignals,
  readSubscriptions,
} from '../store/customer-records.js';
import type { SuppressionRow } from '../store/decision-log.js';
import type { Store } from '../store/store.js';
import { storeDuring } from '../store/store-during.js';
import { readAccountOf } from '../store/subscription-log.js';
import type { Questions } from './questions.js';
import type { Risk } from './risk.js';

/** The parts of a customer that take a question each. */
export const CUSTOMER_PARTS = [
  'subscriptions',
  'risks',
  'signals',
  'decisions',
  'suppressions',
  'events',
] as const;
export type CustomerPart = (typeof CUSTOMER_PARTS)[number];

/** Everything about one account at a glance. Parts that were not asked for are empty. */
export interface Customer {
  readonly accountId: string;
  readonly firstSeenAt: Millis;
  readonly subscriptions: readonly Subscription[];
  /** Of the subscriptions that run, the highest first. */
  readonly risks: readonly Risk[];
  readonly signals: readonly RecentSignals[];
  /** Those that are open, the newest first. */
  readonly decisions: readonly Decision[];
  /** Of the last 30 days, the newest first. */
  readonly suppressions: readonly SuppressionRow[];
  /** What happened last. */
  readonly events: readonly CustomerEvent[];
}

/** How much of each part a customer has. */
const RECENT_MS = 30 * DAY_MS;
const SIGNALS_EACH = 10;
const MOST_RISKS = 10_000;
const MOST_DECISIONS = 100;
const MOST_EVENTS = 50;

/** What can be asked about one account. */
export class Customers {
  readonly #store: Store;
  readonly #questions: Questions;
  readonly #clock: Clock;

  constructor(store: Store, questions: Questions, clock: Clock) {
    this.#store = store;
    this.#questions = questions;
    this.#clock = clock;
  }

  /** The account that has a subscription. An account that sends no subscriptions is one with its own id. */
  async accountOf(subscriptionId: string, signal?: AbortSignal): Promise<string> {
    return (await readAccountOf(storeDuring(this.#store, signal), subscriptionId)) ?? subscriptionId;
  }

  /** An account with the parts that are wanted. Throws `not_found`. */
  async customer(
    accountId: string,
    parts: ReadonlySet<CustomerPart> = new Set(CUSTOMER_PARTS),
    signal?: AbortSignal,
  ): Promise<Customer> {
    const store = storeDuring(this.#store, signal);
    const firstSeenAt = await this.#firstSeen(accountId, signal);
    const since = this.#clock() - RECENT_MS;
    const part = <T>(name: CustomerPart, read: () => Promise<readonly T[]>): Promise<readonly T[]> =>
      parts.has(name) ? read() : Promise.resolve([]);
    const [subscriptions, risks, signals, decisions, suppressions, events] = await Promise.all([
      part('subscriptions', () => readSubscriptions(store, accountId)),
      part('risks', () => this.#questions.risks({ accountIds: [accountId] }, MOST_RISKS, undefined, signal)),
      part('signals', () => readRecentSignals(store, accountId, { since, each: SIGNALS_EACH })),
      part('decisions', () =>
        this.#questions.decisions({ accountId, statuses: OPEN_STATUSES, limit: MOST_DECISIONS }, signal),
      ),
      part('suppressions', () =>
        this.#questions.suppressions({ accountId, from: since, limit: MOST_DECISIONS }, signal),
      ),
      part('events', () => listCustomerEvents(store, { accountId, limit: MOST_EVENTS })),
    ]);
    return { accountId, firstSeenAt, subscriptions, risks, signals, decisions, suppressions, events };
  }

  /** What happened to an account, the latest first. Throws `not_found`. */
  async events(filter: CustomerEventFilter, signal?: AbortSignal): Promise<readonly CustomerEvent[]> {
    const events = await listCustomerEvents(storeDuring(this.#store, signal), filter);
    if (events.length === 0) await this.#firstSeen(filter.accountId, signal);
    return events;
  }

  async #firstSeen(accountId: string, signal: AbortSignal | undefined): Promise<Millis> {
    const seen = await readFirstSeen(storeDuring(this.#store, signal), accountId);
    if (seen !== undefined) return seen;
    throw new PerennialError('not_found', `There is no account ${accountId}.`, {
      reason: 'ACCOUNT_NOT_FOUND',
      subject: { type: 'account', name: accountId },
      hint: 'Ids are case-sensitive. An account is there once a signal or a subscription of it has arrived.',
    });
  }
}
