import type { Signal } from './signal.js';
import type { Outcome, Subscription } from './subscription.js';

/** Records as objects of the plain JSON form: what parseMessage reads back as the same record. Absent stays absent. */

export function plainSignal(signal: Signal): Record<string, unknown> {
  return {
    id: signal.id,
    source: signal.source,
    type: `${signal.category}.${signal.type}`,
    account_id: signal.accountId,
    ...known('subscription_id', signal.subscriptionId),
    time: isoTime(signal.occurredAt),
    ...known('value', signal.value),
    ...(Object.keys(signal.attributes).length === 0 ? {} : { attributes: signal.attributes }),
  };
}

export function plainSubscription(subscription: Subscription): Record<string, unknown> {
  return {
    type: 'subscription.updated',
    account_id: subscription.accountId,
    time: isoTime(subscription.occurredAt),
    subscription_id: subscription.subscriptionId,
    status: subscription.status,
    ...known('product', subscription.product),
    ...known('plan', subscription.plan),
    ...known('tier', subscription.tier),
    ...known('segment', subscription.segment),
    ...known('region', subscription.region),
    ...(subscription.addOns.length === 0 ? {} : { add_ons: subscription.addOns }),
    ...known('seats', subscription.seats),
    ...known('arr_minor', subscription.arrMinor),
    ...known('currency', subscription.currency),
    ...known('start', isoDate(subscription.start)),
    ...known('end', isoDate(subscription.end)),
    ...known('renewal', isoDate(subscription.renewal)),
    ...known('term_months', subscription.termMonths),
    ...known('auto_renew', subscription.autoRenew),
    ...known('notice_days', subscription.noticeDays),
    ...known('owner', subscription.owner),
    ...known('plan_features', subscription.planFeatures),
  };
}

export function plainOutcome(outcome: Outcome): Record<string, unknown> {
  return {
    id: outcome.id,
    source: outcome.source,
    type: `outcome.${outcome.kind}`,
    account_id: outcome.accountId,
    time: isoTime(outcome.occurredAt),
    subscription_id: outcome.subscriptionId,
    ...known('arr_before_minor', outcome.arrBeforeMinor),
    ...known('arr_after_minor', outcome.arrAfterMinor),
    ...known('currency', outcome.currency),
    ...known('term_start', isoDate(outcome.termStart)),
    ...known('term_end', isoDate(outcome.termEnd)),
    ...known('reason', outcome.reason),
    ...known('voluntary', outcome.voluntary),
    ...known('decision_id', outcome.decisionId),
  };
}

function known(field: string, value: string | number | boolean | null): Record<string, unknown> {
  return value === null || value === '' ? {} : { [field]: value };
}

function isoTime(millis: number): string {
  return new Date(millis).toISOString();
}

function isoDate(millis: number | null): string | null {
  return millis === null ? null : isoTime(millis).slice(0, 10);
}
