import { BinaryReader } from '@bufbuild/protobuf/wire';
import * as signalPb from '../gen/perennial/v1/signal.js';
import * as subscriptionPb from '../gen/perennial/v1/subscription.js';
import { Fault } from './fault.js';
import { outcomeOf } from './outcome-draft.js';
import type { ParseContext, Parsed } from './parsed.js';
import type { Category } from './signal.js';
import { type Members, signalOf } from './signal-draft.js';
import type { OutcomeKind, SubscriptionStatus } from './subscription.js';
import { subscriptionOf } from './subscription-draft.js';

const CATEGORY_NAMES: ReadonlyMap<signalPb.Category, Category> = new Map([
  [signalPb.Category.USAGE, 'usage'],
  [signalPb.Category.BILLING, 'billing'],
  [signalPb.Category.SUPPORT, 'support'],
  [signalPb.Category.MARKETING, 'marketing'],
]);

const STATUS_NAMES: ReadonlyMap<subscriptionPb.SubscriptionStatus, SubscriptionStatus> = new Map([
  [subscriptionPb.SubscriptionStatus.UNSPECIFIED, 'active'],
  [subscriptionPb.SubscriptionStatus.ACTIVE, 'active'],
  [subscriptionPb.SubscriptionStatus.TRIALING, 'trialing'],
  [subscriptionPb.SubscriptionStatus.PAST_DUE, 'past_due'],
  [subscriptionPb.SubscriptionStatus.PAUSED, 'paused'],
  [subscriptionPb.SubscriptionStatus.ENDED, 'ended'],
]);

const KIND_NAMES: ReadonlyMap<subscriptionPb.OutcomeKind, OutcomeKind> = new Map([
  [subscriptionPb.OutcomeKind.RENEWED, 'renewed'],
  [subscriptionPb.OutcomeKind.CHURNED, 'churned'],
  [subscriptionPb.OutcomeKind.CONTRACTED, 'contracted'],
  [subscriptionPb.OutcomeKind.EXPANDED, 'expanded'],
  [subscriptionPb.OutcomeKind.CANCEL_INTENT, 'cancel_intent'],
  [subscriptionPb.OutcomeKind.CANCEL_INTENT_WITHDRAWN, 'cancel_intent_withdrawn'],
  [subscriptionPb.OutcomeKind.OFFER_PRESENTED, 'offer_presented'],
  [subscriptionPb.OutcomeKind.OFFER_ACCEPTED, 'offer_accepted'],
  [subscriptionPb.OutcomeKind.OFFER_DECLINED, 'offer_declined'],
  [subscriptionPb.OutcomeKind.OFFER_EXPIRED, 'offer_expired'],
  [subscriptionPb.OutcomeKind.TOUCHPOINT_RESPONDED, 'touchpoint_responded'],
  [subscriptionPb.OutcomeKind.ESCALATION_RESOLVED, 'escalation_resolved'],
  [subscriptionPb.OutcomeKind.OFFER_CONFIRMED, 'offer_confirmed'],
  [subscriptionPb.OutcomeKind.TOUCHPOINT_PRESENTED, 'touchpoint_presented'],
  [subscriptionPb.OutcomeKind.ESCALATION_ACKNOWLEDGED, 'escalation_acknowledged'],
]);

const NONE: ReadonlySet<string> = new Set();
/** A byte order mark within a protobuf string is text. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Decodes a `perennial.v1` message with strict UTF-8. Throws a Fault, also where the generated code ends early without an
 * error: at a tag 0 or an end of a group that was never begun.
 */
export function decodeProtobuf<T>(type: { decode(reader: BinaryReader): T }, bytes: Uint8Array): T {
  const reader = new BinaryReader(bytes, (text) => utf8.decode(text));
  try {
    const message = type.decode(reader);
    if (reader.pos === reader.len) return message;
  } catch (thrown) {
    if (thrown instanceof Error && /_SAFE_INTEGER/.test(thrown.message)) throw tooLargeNumber();
    // The reason is the same for all others.
  }
  throw notProtobuf();
}

/** The generated code stops there, and does not say where. */
function tooLargeNumber(): Fault {
  return new Fault(
    'out_of_range',
    '',
    'An amount or a time of the message is beyond 2^53. Amounts are whole minor units, from 0 to 1000000000000000.',
  );
}

export function notProtobuf(): Fault {
  return new Fault(
    'not_protobuf',
    '',
    'The message is not the perennial.v1 protobuf message that belongs here: check its schema and its UTF-8.',
  );
}

export function signalFromProtobuf(message: signalPb.Signal, context: ParseContext): Parsed {
  const attributes: Members[] = [{ of: message.attributes, except: NONE }];
  if (message.category === signalPb.Category.UNSPECIFIED) {
    throw new Fault('missing_field', 'category', '`category` is missing: every signal needs it.');
  }
  // An unknown number becomes a name that no category has.
  const category = CATEGORY_NAMES.get(message.category) ?? '';
  return {
    kind: 'signal',
    signal: signalOf(
      { ...message, time: dateOf(message.time), value: message.value, category, attributes },
      context,
    ),
  };
}

export function subscriptionFromProtobuf(
  message: subscriptionPb.Subscription,
  context: ParseContext,
): Parsed {
  const fields = {
    subscription_id: message.subscriptionId,
    // An unknown number stays one, which no status is.
    status: STATUS_NAMES.get(message.status) ?? message.status,
    product: message.product,
    plan: message.plan,
    tier: message.tier,
    segment: message.segment,
    region: message.region,
    add_ons: message.addOns,
    seats: message.seats,
    arr_minor: message.arrMinor,
    currency: message.currency,
    start: message.startDate || dateOf(message.start),
    end: message.endDate,
    renewal: message.renewalDate || dateOf(message.renewal),
    term_months: message.termMonths,
    auto_renew: message.autoRenew,
    notice_days: message.noticeDays,
    owner: message.owner,
    plan_features: message.planFeatures,
  };
  const { accountId } = message;
  const time = dateOf(message.time);
  try {
    return { kind: 'subscription', subscription: subscriptionOf({ accountId, time, fields }, context) };
  } catch (thrown) {
    throw thrown instanceof Fault ? asInMessage(thrown, message) : thrown;
  }
}

/** A fault of a date under its name in this form, where the member of that name was sent. */
function asInMessage(fault: Fault, { startDate, endDate, renewalDate }: subscriptionPb.Subscription): Fault {
  const sent = { start: startDate, end: endDate, renewal: renewalDate } as Readonly<Record<string, string>>;
  if ((sent[fault.field] ?? '') === '') return fault;
  const name = `${fault.field}_date`;
  return new Fault(
    fault.reason,
    name,
    fault.detail.replace(`\`${fault.field}\``, `\`${name}\``),
    fault.sample,
  );
}

export function outcomeFromProtobuf(message: subscriptionPb.Outcome, context: ParseContext): Parsed {
  const fields = {
    subscription_id: message.subscriptionId,
    arr_before_minor: message.arrBeforeMinor,
    arr_after_minor: message.arrAfterMinor,
    currency: message.currency,
    term_start: message.termStart,
    term_end: message.termEnd,
    reason: message.reason,
    voluntary: message.voluntary,
    decision_id: message.decisionId,
  };
  const { id, source, accountId } = message;
  const time = dateOf(message.time);
  const kind = KIND_NAMES.get(message.kind);
  return { kind: 'outcome', outcome: outcomeOf({ id, source, accountId, kind, time, fields }, context) };
}

/** A time in whole milliseconds: what is finer is cut off, as in every other form. */
function dateOf(time: { seconds: number; nanos: number } | undefined): Date | undefined {
  return time === undefined ? undefined : new Date(time.seconds * 1_000 + Math.floor(time.nanos / 1_000_000));
}
