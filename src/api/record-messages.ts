import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Millis } from '../core/clock.js';
import type { SignalSchema } from '../gen/perennial/v1/signal_pb.js';
import {
  OutcomeKind as OutcomeKindPb,
  type OutcomeSchema,
  SubscriptionStatus as StatusPb,
  type SubscriptionSchema,
} from '../gen/perennial/v1/subscription_pb.js';
import type { Signal } from '../signals/signal.js';
import type { Outcome, OutcomeKind, Subscription, SubscriptionStatus } from '../signals/subscription.js';
import { categoryMessage, timestamp } from './messages.js';

/** Records as they came in, as messages. */

const STATUS: Readonly<Record<SubscriptionStatus, StatusPb>> = {
  active: StatusPb.ACTIVE,
  trialing: StatusPb.TRIALING,
  past_due: StatusPb.PAST_DUE,
  paused: StatusPb.PAUSED,
  ended: StatusPb.ENDED,
};

const OUTCOME_KIND: Readonly<Record<OutcomeKind, OutcomeKindPb>> = {
  renewed: OutcomeKindPb.RENEWED,
  churned: OutcomeKindPb.CHURNED,
  contracted: OutcomeKindPb.CONTRACTED,
  expanded: OutcomeKindPb.EXPANDED,
  cancel_intent: OutcomeKindPb.CANCEL_INTENT,
  cancel_intent_withdrawn: OutcomeKindPb.CANCEL_INTENT_WITHDRAWN,
  offer_presented: OutcomeKindPb.OFFER_PRESENTED,
  offer_accepted: OutcomeKindPb.OFFER_ACCEPTED,
  offer_confirmed: OutcomeKindPb.OFFER_CONFIRMED,
  offer_declined: OutcomeKindPb.OFFER_DECLINED,
  offer_expired: OutcomeKindPb.OFFER_EXPIRED,
  touchpoint_presented: OutcomeKindPb.TOUCHPOINT_PRESENTED,
  touchpoint_responded: OutcomeKindPb.TOUCHPOINT_RESPONDED,
  escalation_acknowledged: OutcomeKindPb.ESCALATION_ACKNOWLEDGED,
  escalation_resolved: OutcomeKindPb.ESCALATION_RESOLVED,
};

export function signalMessage(signal: Signal): MessageInitShape<typeof SignalSchema> {
  const { category, occurredAt, value, attributes, ...same } = signal;
  return {
    ...same,
    category: categoryMessage(category),
    time: timestamp(occurredAt),
    ...(value === null ? {} : { value }),
    attributes: { ...attributes },
  };
}

export function subscriptionMessage(subscription: Subscription): MessageInitShape<typeof SubscriptionSchema> {
  const { seats, arrMinor, autoRenew, noticeDays, planFeatures, termMonths } = subscription;
  const { accountId, subscriptionId, product, plan, tier, segment, region, currency, owner } = subscription;
  return {
    ...{ accountId, subscriptionId, product, plan, tier, segment, region, currency, owner },
    time: timestamp(subscription.occurredAt),
    status: STATUS[subscription.status],
    addOns: [...subscription.addOns],
    startDate: dayText(subscription.start),
    renewalDate: dayText(subscription.renewal),
    endDate: dayText(subscription.end),
    ...(seats === null ? {} : { seats }),
    ...(arrMinor === null ? {} : { arrMinor: BigInt(arrMinor) }),
    ...(autoRenew === null ? {} : { autoRenew }),
    ...(noticeDays === null ? {} : { noticeDays }),
    ...(planFeatures === null ? {} : { planFeatures }),
    ...(termMonths === null ? {} : { termMonths }),
  };
}

export function outcomeMessage(outcome: Outcome): MessageInitShape<typeof OutcomeSchema> {
  const { id, source, accountId, subscriptionId, currency, reason, decisionId } = outcome;
  const { arrBeforeMinor, arrAfterMinor, voluntary } = outcome;
  return {
    ...{ id, source, accountId, subscriptionId, currency, reason, decisionId },
    kind: OUTCOME_KIND[outcome.kind],
    time: timestamp(outcome.occurredAt),
    termStart: dayText(outcome.termStart),
    termEnd: dayText(outcome.termEnd),
    ...(arrBeforeMinor === null ? {} : { arrBeforeMinor: BigInt(arrBeforeMinor) }),
    ...(arrAfterMinor === null ? {} : { arrAfterMinor: BigInt(arrAfterMinor) }),
    ...(voluntary === null ? {} : { voluntary }),
  };
}

/** "2025-01-31"; empty: not known. */
function dayText(day: Millis | null): string {
  return day === null ? '' : new Date(day).toISOString().slice(0, 10);
}
