import { LIMITS } from '../core/limits.js';
import { Fault } from './fault.js';
import {
  eventTime,
  inOrder,
  optionalBoolean,
  optionalCount,
  optionalCurrency,
  optionalDate,
  optionalId,
  optionalMinor,
  optionalText,
  requiredId,
  requiredText,
} from './fields.js';
import type { ParseContext } from './parsed.js';
import { SUBSCRIPTION_STATUSES, type Subscription, type SubscriptionStatus } from './subscription.js';

/** Members of a subscription beside account, time and envelope, by their names on the wire. */
export const SUBSCRIPTION_FIELDS = [
  'subscription_id',
  'status',
  'product',
  'plan',
  'tier',
  'segment',
  'region',
  'add_ons',
  'seats',
  'arr_minor',
  'currency',
  'start',
  'end',
  'renewal',
  'term_months',
  'auto_renew',
  'notice_days',
  'owner',
  'plan_features',
] as const;
export type SubscriptionField = (typeof SUBSCRIPTION_FIELDS)[number];

/** A subscription as some form spelt it: nothing checked yet. */
export interface SubscriptionDraft {
  readonly accountId: unknown;
  readonly time: unknown;
  readonly fields: Readonly<Partial<Record<SubscriptionField, unknown>>>;
}

/** Checks a draft and brings it into its one canonical shape. Throws a Fault. */
export function subscriptionOf(draft: SubscriptionDraft, context: ParseContext): Subscription {
  const { fields } = draft;
  const accountId = requiredId(draft.accountId, 'account_id');
  const start = optionalDate(fields.start, 'start');
  const end = optionalDate(fields.end, 'end');
  const renewal = optionalDate(fields.renewal, 'renewal');
  inOrder(['start', start], ['end', end]);
  inOrder(['start', start], ['renewal', renewal]);
  const short = (field: SubscriptionField) => optionalText(fields[field], field, LIMITS.idBytes);
  return {
    accountId,
    // A producer that knows only accounts has one subscription per account.
    subscriptionId: optionalId(fields.subscription_id, 'subscription_id') || accountId,
    // A contract may be known before it holds.
    occurredAt: eventTime(draft.time, 'time', context.receivedAt, LIMITS.futureContractMs),
    status: statusOf(fields.status),
    product: short('product'),
    plan: short('plan'),
    tier: short('tier'),
    segment: short('segment'),
    region: short('region'),
    addOns: addOnsOf(fields.add_ons),
    seats: optionalCount(fields.seats, 'seats', LIMITS.seats),
    arrMinor: optionalMinor(fields.arr_minor, 'arr_minor'),
    currency: optionalCurrency(fields.currency, 'currency'),
    start,
    end,
    renewal,
    termMonths: optionalCount(fields.term_months, 'term_months', LIMITS.termMonths),
    autoRenew: optionalBoolean(fields.auto_renew, 'auto_renew'),
    noticeDays: optionalCount(fields.notice_days, 'notice_days', LIMITS.noticeDays),
    owner: short('owner'),
    planFeatures: optionalCount(fields.plan_features, 'plan_features', LIMITS.planFeatures),
  };
}

const STATUS_SET: ReadonlySet<unknown> = new Set(SUBSCRIPTION_STATUSES);

function statusOf(status: unknown): SubscriptionStatus {
  if (status === undefined || status === null || status === '') return 'active';
  if (STATUS_SET.has(status)) return status as SubscriptionStatus;
  throw new Fault('bad_value', 'status', `\`status\` must be one of ${SUBSCRIPTION_STATUSES.join(', ')}.`);
}

function addOnsOf(addOns: unknown): readonly string[] {
  if (addOns === undefined || addOns === null) return [];
  if (!Array.isArray(addOns)) throw new Fault('wrong_type', 'add_ons', '`add_ons` must be a list of texts.');
  if (addOns.length > LIMITS.addOns) {
    throw new Fault('too_long', 'add_ons', `A subscription has more than ${LIMITS.addOns} add-ons.`);
  }
  return addOns.map((addOn) => requiredText(addOn, 'add_ons', LIMITS.idBytes));
}
