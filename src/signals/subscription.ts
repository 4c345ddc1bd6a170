import type { Millis } from '../core/clock.js';

export const SUBSCRIPTION_STATUSES = ['active', 'trialing', 'past_due', 'paused', 'ended'] as const;
export type SubscriptionStatus = (typeof SUBSCRIPTION_STATUSES)[number];

/** Those in which a subscription runs, and is scored. */
export const RUNNING_STATUSES: readonly SubscriptionStatus[] = ['active', 'trialing', 'past_due'];

/** One renewable contract of an account as it stood from `occurredAt` on. Null and '' mean: not known. */
export interface Subscription {
  readonly accountId: string;
  readonly subscriptionId: string;
  readonly occurredAt: Millis;
  readonly status: SubscriptionStatus;
  readonly product: string;
  readonly plan: string;
  readonly tier: string;
  readonly segment: string;
  readonly region: string;
  readonly addOns: readonly string[];
  readonly seats: number | null;
  /** Annual recurring revenue in minor units of `currency`. */
  readonly arrMinor: number | null;
  /** ISO 4217. */
  readonly currency: string;
  /** First day of the contract. Dates are their midnight in UTC, whatever the zone of the producer. */
  readonly start: Millis | null;
  /** Day on which it ends for good; null: not known, or it goes on. */
  readonly end: Millis | null;
  /** Next renewal date: the end of the current term. */
  readonly renewal: Millis | null;
  /** Length of a term. */
  readonly termMonths: number | null;
  readonly autoRenew: boolean | null;
  readonly noticeDays: number | null;
  readonly owner: string;
  /** Number of features in the plan: the denominator of adoption_breadth. */
  readonly planFeatures: number | null;
}

/** A contract of which nothing is said: what is known of one is put over it. */
export const UNKNOWN_CONTRACT: Omit<Subscription, 'accountId' | 'subscriptionId' | 'occurredAt' | 'status'> =
  {
    product: '',
    plan: '',
    tier: '',
    segment: '',
    region: '',
    addOns: [],
    seats: null,
    arrMinor: null,
    currency: '',
    start: null,
    end: null,
    renewal: null,
    termMonths: null,
    autoRenew: null,
    noticeDays: null,
    owner: '',
    planFeatures: null,
  };

/** A subscription that its producer has deleted from the topic: it ends with the message. */
export interface Tombstone {
  readonly accountId: string;
  readonly subscriptionId: string;
  readonly occurredAt: Millis;
}

/** `renewed` and `churned` say how a term ended, `expanded` and `contracted` how the value changed within one. */
export const OUTCOME_KINDS = [
  'renewed',
  'churned',
  'contracted',
  'expanded',
  'cancel_intent',
  'cancel_intent_withdrawn',
  'offer_presented',
  'offer_accepted',
  'offer_confirmed',
  'offer_declined',
  'offer_expired',
  'touchpoint_presented',
  'touchpoint_responded',
  'escalation_acknowledged',
  'escalation_resolved',
] as const;
export type OutcomeKind = (typeof OUTCOME_KINDS)[number];

/** One thing that happened to a subscription. Its identity is (source, id). */
export interface Outcome {
  readonly source: string;
  readonly id: string;
  readonly accountId: string;
  readonly subscriptionId: string;
  readonly kind: OutcomeKind;
  readonly occurredAt: Millis;
  readonly arrBeforeMinor: number | null;
  readonly arrAfterMinor: number | null;
  readonly currency: string;
  /** First day of the term that ended, as its midnight in UTC. */
  readonly termStart: Millis | null;
  /** Renewal date of the term that ended, as its midnight in UTC. */
  readonly termEnd: Millis | null;
  readonly reason: string;
  readonly voluntary: boolean | null;
  readonly decisionId: string;
}

/** An outcome of which only what is required is said: what is known of one is put over it. */
export const UNKNOWN_OUTCOME: Omit<
  Outcome,
  'source' | 'id' | 'accountId' | 'subscriptionId' | 'kind' | 'occurredAt'
> = {
  arrBeforeMinor: null,
  arrAfterMinor: null,
  currency: '',
  termStart: null,
  termEnd: null,
  reason: '',
  voluntary: null,
  decisionId: '',
};
