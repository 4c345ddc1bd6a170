import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as subscriptionPb from '../../src/gen/perennial/v1/subscription.js';
import { parseMessage } from '../../src/signals/parse.js';
import { plainOutcome, plainSubscription } from '../../src/signals/serialise.js';
import { type Outcome, SUBSCRIPTION_STATUSES, type Subscription } from '../../src/signals/subscription.js';
import { bytes, context, iso, json, outcomes, SIGNAL_FORMS, signals, subscriptions } from './forms.js';

const at = context();
const PROTOBUF = { 'content-type': 'application/x-protobuf' };

describe('a signal', () => {
  for (const [form, write] of Object.entries(SIGNAL_FORMS)) {
    test(`written as ${form} is read back as the same signal`, () => {
      fc.assert(
        fc.property(signals, (signal) => {
          expect(parseMessage(write(signal), 'signal', at)).toEqual({ kind: 'signal', signal });
        }),
      );
    });
  }
});

describe('a subscription', () => {
  const forms: Record<string, (subscription: Subscription) => Parameters<typeof parseMessage>[0]> = {
    plain: (subscription) => json(plainSubscription(subscription)),
    'CloudEvents structured': (subscription) => {
      const { type, account_id, time, ...data } = plainSubscription(subscription);
      return json({ specversion: '1.0', id: 'e-1', source: 'crm', type, subject: account_id, time, data });
    },
    protobuf: (subscription) => ({
      body: subscriptionPb.Subscription.encode(pbSubscription(subscription)).finish(),
      headers: PROTOBUF,
    }),
  };
  for (const [form, write] of Object.entries(forms)) {
    test(`written as ${form} is read back as the same subscription`, () => {
      fc.assert(
        fc.property(subscriptions, (subscription) => {
          expect(parseMessage(write(subscription), 'subscription', at)).toEqual({
            kind: 'subscription',
            subscription,
          });
        }),
      );
    });
  }
});

describe('an outcome', () => {
  const forms: Record<string, (outcome: Outcome) => Parameters<typeof parseMessage>[0]> = {
    plain: (outcome) => json(plainOutcome(outcome)),
    'plain with kind instead of type': (outcome) => {
      const { type, ...rest } = plainOutcome(outcome);
      return json({ ...rest, kind: String(type).slice('outcome.'.length) });
    },
    'CloudEvents binary': (outcome) => {
      const { id, source, type, account_id, time, ...data } = plainOutcome(outcome);
      const event = { specversion: '1.0', id, source, type, subject: account_id, time };
      const headers = Object.entries(event).map(([name, text]) => [`ce_${name}`, Buffer.from(String(text))]);
      return { body: bytes(JSON.stringify(data)), headers: Object.fromEntries(headers) };
    },
    protobuf: (outcome) => ({
      body: subscriptionPb.Outcome.encode(pbOutcome(outcome)).finish(),
      headers: PROTOBUF,
    }),
  };
  for (const [form, write] of Object.entries(forms)) {
    test(`written as ${form} is read back as the same outcome`, () => {
      fc.assert(
        fc.property(outcomes, (outcome) => {
          expect(parseMessage(write(outcome), 'outcome', at)).toEqual({ kind: 'outcome', outcome });
        }),
      );
    });
  }
});

function pbSubscription(subscription: Subscription): subscriptionPb.Subscription {
  const { occurredAt, status, addOns, ...rest } = subscription;
  return subscriptionPb.Subscription.fromJSON({
    ...withoutNulls(rest),
    addOns,
    time: iso(occurredAt),
    status: SUBSCRIPTION_STATUSES.indexOf(status) + 1,
    start: undefined,
    renewal: undefined,
    startDate: dateText(rest.start),
    endDate: dateText(rest.end),
    renewalDate: dateText(rest.renewal),
  });
}

function pbOutcome(outcome: Outcome): subscriptionPb.Outcome {
  const { occurredAt, kind, ...rest } = outcome;
  return subscriptionPb.Outcome.fromJSON({
    ...withoutNulls(rest),
    time: iso(occurredAt),
    kind: `OUTCOME_KIND_${kind.toUpperCase()}`,
    termStart: dateText(rest.termStart),
    termEnd: dateText(rest.termEnd),
  });
}

function dateText(millis: number | null): string {
  return millis === null ? '' : iso(millis).slice(0, 10);
}

function withoutNulls(of: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(of).filter(([, value]) => value !== null));
}
