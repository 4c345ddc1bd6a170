import type { DescMessage, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { z } from 'zod';
import { CUSTOMER_PARTS, type Customer, type CustomerPart, type Customers } from '../engine/customers.js';
import type { Risk } from '../engine/risk.js';
import {
  CustomerEventSchema,
  CustomerSchema,
  CustomerService,
  CustomerSubscriptionSchema,
  type GetCustomerRequest,
  CustomerEventKind as KindPb,
  type ListCustomerEventsRequest,
} from '../gen/perennial/v1/customer_service_pb.js';
import { DecisionSchema } from '../gen/perennial/v1/decision_pb.js';
import { SuppressionRecordSchema } from '../gen/perennial/v1/decision_service_pb.js';
import { SignalSchema } from '../gen/perennial/v1/signal_pb.js';
import {
  CUSTOMER_EVENT_KINDS,
  type CustomerEvent,
  type CustomerEventKind,
} from '../store/customer-events.js';
import { decisionEventMessage, decisionMessage, suppressionRecordMessage } from './decision-messages.js';
import { wantedFields } from './field-mask.js';
import { bandMessage, categoryMessage, moneyMessage, timestamp } from './messages.js';
import { fitting, pageOf, ROOM_FOR_ITEMS } from './page.js';
import { pageTokens, timeInToken } from './page-token.js';
import type { RecordIntake } from './record-intake.js';
import { outcomeMessage, signalMessage, subscriptionMessage } from './record-messages.js';
import { namesOf, pageSizeOf, timeOrNone } from './request.js';
import { riskMessage } from './risk-messages.js';
import { type CallContext, type Rpc, rawUnary, unary } from './rpc.js';

const KIND_NAMES: ReadonlyMap<KindPb, CustomerEventKind> = new Map([
  [KindPb.SIGNAL, 'signal'],
  [KindPb.OUTCOME, 'outcome'],
  [KindPb.SUBSCRIPTION, 'subscription'],
  [KindPb.DECISION, 'decision'],
  [KindPb.BAND, 'band'],
]);

const tokens = pageTokens(
  'ListCustomerEvents',
  z.strictObject({ at: timeInToken, kind: z.enum(CUSTOMER_EVENT_KINDS), key: z.string() }),
);

/** The parts that a field of a customer is made from. */
const PARTS_OF: Readonly<Record<string, readonly CustomerPart[]>> = {
  arr: ['risks'],
  arrAtRisk: ['risks'],
  subscriptions: ['subscriptions', 'risks'],
  subscriptionCount: ['subscriptions', 'risks'],
};

export function customerService(customers: Customers, intake: RecordIntake): readonly Rpc[] {
  const getCustomer = async ({ subject, readMask }: GetCustomerRequest, call: CallContext) => {
    const wanted = wantedFields(CustomerSchema, readMask);
    const accountId =
      subject.case === 'subscriptionId'
        ? await customers.accountOf(subject.value, call.signal)
        : (subject.value ?? '');
    call.about(accountId);
    const parts = new Set<CustomerPart>([
      ...Object.entries(PARTS_OF).flatMap(([field, of]) => (wanted.has(field) ? of : [])),
      ...CUSTOMER_PARTS.filter((part) => wanted.has(part)),
    ]);
    return wanted.of(customerMessage(await customers.customer(accountId, parts, call.signal)));
  };

  const listEvents = async (request: ListCustomerEventsRequest, call: CallContext) => {
    const { accountId, subscriptionId } = request;
    call.about(accountId);
    const pageSize = pageSizeOf(request.pageSize);
    const from = timeOrNone('start_time', request.startTime);
    const before = timeOrNone('end_time', request.endTime);
    const kinds = namesOf('kinds', request.kinds, KIND_NAMES);
    const query = {
      accountId,
      ...(subscriptionId === '' ? {} : { subscriptionId }),
      ...(kinds.length === 0 ? {} : { kinds }),
      ...(from === undefined ? {} : { from }),
      ...(before === undefined ? {} : { before }),
    };
    const after = tokens.read(request.pageToken, query);
    const filter = { ...query, ...(after === undefined ? {} : { after }), limit: pageSize + 1 };
    // One more than asked for tells whether there is a next page.
    const found = await customers.events(filter, call.signal);
    const { messages, last } = pageOf(found, pageSize, CustomerEventSchema, eventMessage);
    return {
      events: messages,
      nextPageToken: last ? tokens.write({ at: last.at, kind: last.kind, key: last.key }, query) : '',
    };
  };

  const { method } = CustomerService;
  return [
    unary(method.getCustomer, 'work', getCustomer),
    unary(method.listCustomerEvents, 'work', listEvents),
    rawUnary(method.upsertSubscriptions, 'write', intake.batch('subscription')),
  ];
}

/** Where an account is larger than an answer, each part has its share of it, and what one part leaves is for those after it. */
function customerMessage(customer: Customer) {
  const { accountId, firstSeenAt, risks, signals, decisions, suppressions, events } = customer;
  let room = ROOM_FOR_ITEMS;
  // Each category is one.
  let parts = 4 + signals.length;
  const part = <Row, Desc extends DescMessage>(
    rows: readonly Row[],
    schema: Desc,
    messageOf: (row: Row) => MessageInitShape<Desc>,
  ): MessageShape<Desc>[] => {
    const share = Math.floor(room / parts--);
    const { messages, left } = fitting(rows, share, schema, messageOf);
    room -= share - left;
    return messages;
  };
  const subscriptions = subscriptionsOf(customer);
  return {
    accountId,
    firstSeenTime: timestamp(firstSeenAt),
    arr: sumsOf(risks, ({ arrMinor }) => arrMinor),
    arrAtRisk: sumsOf(risks, ({ arrAtRiskMinor }) => arrAtRiskMinor),
    subscriptionCount: BigInt(subscriptions.length),
    decisions: part(decisions, DecisionSchema, decisionMessage),
    suppressions: part(suppressions, SuppressionRecordSchema, suppressionRecordMessage),
    events: part(events, CustomerEventSchema, eventMessage),
    signals: signals.map(({ category, recent, signals: latest }) => ({
      category: categoryMessage(category),
      recentCount: BigInt(recent),
      signals: part(latest, SignalSchema, signalMessage),
    })),
    subscriptions: part(subscriptions, CustomerSubscriptionSchema, (one) => one),
  } satisfies MessageInitShape<typeof CustomerSchema>;
}

/** Those with a risk in its order, then those that do not run. */
function subscriptionsOf({
  accountId,
  subscriptions,
  risks,
}: Customer): MessageInitShape<typeof CustomerSubscriptionSchema>[] {
  const contracts = new Map(subscriptions.map((contract) => [contract.subscriptionId, contract]));
  const withRisk = risks.map((risk) => {
    const contract = contracts.get(risk.subscriptionId);
    contracts.delete(risk.subscriptionId);
    return {
      subscription:
        contract === undefined
          ? { accountId, subscriptionId: risk.subscriptionId }
          : subscriptionMessage(contract),
      risk: riskMessage(risk),
    };
  });
  return [
    ...withRisk,
    ...[...contracts.values()].map((contract) => ({ subscription: subscriptionMessage(contract) })),
  ];
}

function sumsOf(risks: readonly Risk[], amountOf: (risk: Risk) => number | null) {
  const sums = new Map<string, number>();
  for (const risk of risks) {
    const amount = amountOf(risk);
    if (amount !== null) sums.set(risk.currency, (sums.get(risk.currency) ?? 0) + amount);
  }
  return [...sums]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([currency, minor]) => moneyMessage(minor, currency)!);
}

function eventMessage(event: CustomerEvent): MessageInitShape<typeof CustomerEventSchema> {
  const of = (subscriptionId: string, what: MessageInitShape<typeof CustomerEventSchema>['event']) => ({
    eventTime: timestamp(event.at),
    subscriptionId,
    ...(what === undefined ? {} : { event: what }),
  });
  switch (event.kind) {
    case 'signal':
      return of(event.value.subscriptionId, { case: 'signal', value: signalMessage(event.value) });
    case 'outcome':
      return of(event.value.subscriptionId, { case: 'outcome', value: outcomeMessage(event.value) });
    case 'subscription':
      return of(event.value.subscriptionId, {
        case: 'subscription',
        value: subscriptionMessage(event.value),
      });
    case 'decision':
      return of(event.value.decision.subscriptionId, {
        case: 'decision',
        value: decisionEventMessage(event.value),
      });
    case 'band': {
      const { subscriptionId, before, band, risk } = event.value;
      return of(subscriptionId, {
        case: 'band',
        value: {
          ...(before === null ? {} : { bandBefore: bandMessage(before) }),
          band: bandMessage(band),
          ...(risk === null ? {} : { risk }),
        },
      });
    }
  }
}
