import { DAY_MS, type Millis } from '../core/clock.js';
import type { Category, Signal } from '../signals/signal.js';
import type { Outcome, Subscription } from '../signals/subscription.js';
import type { Period } from './account.js';
import { ARRIVAL, BACKFILL_DAYS } from './model.js';
import { Random } from './random.js';

/** One message as it arrives at Perennial. With an origin it is a Delivery of the ingest port. */
export interface SimulatedRecord {
  readonly record:
    | { readonly kind: 'signal'; readonly signal: Signal }
    | { readonly kind: 'subscription'; readonly subscription: Subscription }
    | { readonly kind: 'outcome'; readonly outcome: Outcome };
  readonly receivedAt: Millis;
}

export type Post = (record: SimulatedRecord) => void;

/** Where a signal type comes from. */
export type Producer = 'product' | 'billing' | 'helpdesk' | 'crm' | 'mailer';

const CATEGORY: Record<Producer, Category> = {
  product: 'usage',
  billing: 'billing',
  helpdesk: 'support',
  crm: 'marketing',
  mailer: 'marketing',
};
/** The CloudEvents source of each producer. */
export const SOURCE: Record<Producer, string> = {
  product: 'product-telemetry',
  billing: 'billing-service',
  helpdesk: 'helpdesk',
  crm: 'crm',
  mailer: 'mailer',
};

export interface Fact {
  readonly producer: Producer;
  readonly type: string;
  readonly at: Millis;
  /** Empty: about the whole account. */
  readonly subscriptionId: string;
  readonly value?: number | null;
  readonly attributes?: Readonly<Record<string, string | number | boolean>>;
}

/**
 * An account's way out: gives its signals their ids and decides when they arrive: promptly, late, or a second time. What
 * would arrive after the period's end has not arrived yet and is left out.
 */
export class Outbox {
  readonly #random: Random;
  readonly #accountId: string;
  readonly #period: Period;
  readonly #post: Post;
  #sent = 0;

  constructor(seed: number, account: { index: number; id: string }, period: Period, post: Post) {
    this.#random = new Random(seed, account.index, 'arrival');
    this.#accountId = account.id;
    this.#period = period;
    this.#post = post;
  }

  /** Sends a signal, unless it lies outside the time that is simulated or sent as history. `before` cuts it off earlier. */
  signal(fact: Fact, before: Millis = Number.POSITIVE_INFINITY): void {
    const { start, end } = this.#period;
    const occurredAt = Math.floor(fact.at);
    if (occurredAt >= end || occurredAt >= before || occurredAt < start - BACKFILL_DAYS * DAY_MS) return;
    this.#sent += 1;
    const attributes: Record<string, string> = {};
    for (const [key, value] of Object.entries(fact.attributes ?? {})) attributes[key] = String(value);
    const signal: Signal = {
      source: SOURCE[fact.producer],
      id: `${this.#accountId}-${this.#sent}`,
      category: CATEGORY[fact.producer],
      type: fact.type,
      accountId: this.#accountId,
      subscriptionId: fact.subscriptionId,
      occurredAt,
      value: fact.value ?? null,
      attributes,
    };
    const receivedAt = occurredAt < start ? this.#historyArrives() : this.#arrives(occurredAt);
    if (receivedAt >= end) return;
    this.#post({ record: { kind: 'signal', signal }, receivedAt });
    if (!this.#random.chance(ARRIVAL.duplicate.share)) return;
    const again =
      receivedAt + 1 + Math.floor(this.#random.exponential(ARRIVAL.duplicate.meanHours) * 3_600_000);
    if (again < end) this.#post({ record: { kind: 'signal', signal }, receivedAt: again });
  }

  subscription(subscription: Subscription): void {
    this.#state({ kind: 'subscription', subscription }, subscription.occurredAt);
  }

  outcome(outcome: Outcome): void {
    this.#state({ kind: 'outcome', outcome }, outcome.occurredAt);
  }

  /** Contracts and outcomes come from a system of record: promptly and once. */
  #state(record: SimulatedRecord['record'], occurredAt: Millis): void {
    const receivedAt = occurredAt + this.#random.int(0, 1_000);
    if (receivedAt < this.#period.end) this.#post({ record, receivedAt });
  }

  #arrives(occurredAt: Millis): Millis {
    const { promptMs, late } = ARRIVAL;
    if (!this.#random.chance(late.share)) return occurredAt + this.#random.int(0, promptMs);
    const hours = Math.min(late.mostDays * 24, this.#random.lognormal(late.medianHours, late.sigma));
    return occurredAt + Math.floor(hours * 3_600_000);
  }

  #historyArrives(): Millis {
    return this.#period.start + this.#random.int(0, 600_000);
  }
}
