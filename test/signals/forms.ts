import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { DAY_MS } from '../../src/core/clock.js';
import { LIMITS } from '../../src/core/limits.js';
import { readYaml } from '../../src/core/yaml-file.js';
import * as signalPb from '../../src/gen/perennial/v1/signal.js';
import { loadCatalogue } from '../../src/signals/catalogue.js';
import type { Message } from '../../src/signals/message.js';
import type { ParseContext } from '../../src/signals/parsed.js';
import { plainSignal } from '../../src/signals/serialise.js';
import { CATEGORIES, type Signal } from '../../src/signals/signal.js';
import {
  OUTCOME_KINDS,
  type Outcome,
  SUBSCRIPTION_STATUSES,
  type Subscription,
} from '../../src/signals/subscription.js';
import { projectFile } from '../support/project.js';

export const NOW = Date.UTC(2025, 5, 1);

export function context(): ParseContext {
  const { catalogue } = loadCatalogue(
    readYaml('signals.yaml', readFileSync(projectFile('scoring/signals.yaml'), 'utf8')),
  );
  return { receivedAt: NOW, catalogue: catalogue! };
}

export const bytes = (text: string): Uint8Array => Buffer.from(text);
export const json = (value: unknown): Message => ({ body: bytes(JSON.stringify(value)) });
export const iso = (millis: number): string => new Date(millis).toISOString();

/** A signal in each form that a transport can carry it in. */
export const SIGNAL_FORMS: Readonly<Record<string, (signal: Signal) => Message>> = {
  plain: (signal) => json(plainSignal(signal)),
  'plain, category apart and attributes beside the rest': (signal) => {
    const { type, attributes, ...rest } = plainSignal(signal);
    return json({ ...(attributes as object), ...rest, category: signal.category, type: signal.type });
  },
  'CloudEvents structured': (signal) => ({
    body: bytes(JSON.stringify({ ...eventOf(signal), data: dataOf(signal) })),
    headers: { 'content-type': 'application/cloudevents+json; charset=UTF-8' },
  }),
  'CloudEvents structured, told by specversion alone': (signal) =>
    json({ ...eventOf(signal), datacontenttype: 'application/json', data: dataOf(signal) }),
  'CloudEvents binary': (signal) => ({
    body: bytes(JSON.stringify(dataOf(signal))),
    headers: {
      'content-type': Buffer.from('application/json'),
      ...Object.fromEntries(
        Object.entries(eventOf(signal)).map(([key, text]) => [`ce_${key}`, Buffer.from(text)]),
      ),
    },
  }),
  protobuf: (signal) => ({
    body: signalPb.Signal.encode(protobufOf(signal)).finish(),
    headers: { 'content-type': 'application/protobuf' },
  }),
};

function protobufOf(signal: Signal): signalPb.Signal {
  const { occurredAt, value, category, ...rest } = signal;
  return {
    ...rest,
    attributes: { ...signal.attributes },
    category: CATEGORIES.indexOf(category) + 1,
    time: { seconds: Math.floor(occurredAt / 1_000), nanos: (occurredAt % 1_000) * 1_000_000 },
    ...(value === null ? {} : { value }),
  };
}

function eventOf(signal: Signal): Record<string, string> {
  return {
    specversion: '1.0',
    id: signal.id,
    source: signal.source,
    type: `${signal.category}.${signal.type}`,
    subject: signal.accountId,
    time: iso(signal.occurredAt),
  };
}

function dataOf(signal: Signal): Record<string, unknown> {
  return {
    ...(signal.subscriptionId === '' ? {} : { subscription_id: signal.subscriptionId }),
    ...(signal.value === null ? {} : { value: signal.value }),
    attributes: signal.attributes,
  };
}

const time = fc.integer({ min: Date.UTC(2000), max: NOW });
const unicode = (maxLength: number) => fc.string({ unit: 'grapheme', maxLength });
/** Ids of blanks alone are refused. */
const id = unicode(40).filter(
  (text) => /[^\s\p{Cc}\p{Cf}\p{Z}]/u.test(text) && Buffer.byteLength(text) <= 256,
);
const orNull = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: null });
const name = (min: number) =>
  fc.string({ unit: fc.constantFrom(...'abcdefgxyz019_'), minLength: min, maxLength: 20 });
const RESERVED = new Set([
  ...['id', 'source', 'category', 'type', 'account_id', 'subject', 'time', 'data'],
  ...['subscription_id', 'value', 'attributes', 'specversion', '__proto__'],
]);
const key = fc
  .oneof(name(1), fc.constantFrom('constructor', 'toString', 'kind', 'prototype', 'hasOwnProperty', '✓'))
  .filter((text) => !RESERVED.has(text));
const number = fc
  .double({ min: -LIMITS.number, max: LIMITS.number, noNaN: true })
  .map((n) => (n === 0 ? 0 : n));
const count = (most: number) => fc.double({ min: 0, max: most, noNaN: true }).map((n) => n + 0);
const minor = fc.nat(2 ** 31 - 1).map((n) => n * 400_000);

const date = fc
  .integer({ min: Date.UTC(1900) / DAY_MS, max: Date.UTC(2299, 11, 31) / DAY_MS })
  .map((day) => day * DAY_MS);

export const signals: fc.Arbitrary<Signal> = fc.record({
  source: id,
  id,
  category: fc.constantFrom(...CATEGORIES),
  // No type of the catalogue: those may take their value from an attribute, which is another test's subject.
  type: name(1).map((text) => `x${text}`.slice(0, 64)),
  accountId: id,
  subscriptionId: fc.oneof(fc.constant(''), id),
  occurredAt: time,
  value: orNull(number),
  attributes: fc
    .uniqueArray(fc.tuple(key, unicode(60)), { selector: ([k]) => k, maxLength: 8 })
    .map((entries) => Object.fromEntries(entries)),
});

/** First and last days, any of them not known, of which no last one lies before the first. */
const periods = fc.tuple(orNull(date), orNull(date), orNull(date)).map(([start, ...lasts]) => ({
  start,
  lasts: lasts.map((last) => (start === null || last === null ? last : Math.max(start, last))),
}));

const contracts = fc.record({
  accountId: id,
  subscriptionId: id,
  occurredAt: time,
  status: fc.constantFrom(...SUBSCRIPTION_STATUSES),
  product: unicode(20),
  plan: unicode(20),
  tier: unicode(20),
  segment: unicode(20),
  region: unicode(20),
  addOns: fc.array(id, { maxLength: 3 }),
  seats: orNull(count(LIMITS.seats)),
  arrMinor: orNull(minor),
  currency: fc.constantFrom('', 'EUR', 'USD'),
  termMonths: orNull(count(LIMITS.termMonths)),
  autoRenew: orNull(fc.boolean()),
  noticeDays: orNull(count(LIMITS.noticeDays)),
  owner: unicode(20),
  planFeatures: orNull(count(LIMITS.planFeatures)),
});
export const subscriptions: fc.Arbitrary<Subscription> = fc
  .tuple(contracts, periods)
  .map(([contract, { start, lasts }]) => ({ ...contract, start, end: lasts[0]!, renewal: lasts[1]! }));

const happenings = fc.record({
  source: id,
  id,
  accountId: id,
  subscriptionId: id,
  kind: fc.constantFrom(...OUTCOME_KINDS),
  occurredAt: time,
  arrBeforeMinor: orNull(minor),
  arrAfterMinor: orNull(minor),
  currency: fc.constantFrom('', 'EUR', 'USD'),
  reason: unicode(40),
  voluntary: orNull(fc.boolean()),
  decisionId: fc.oneof(fc.constant(''), id),
});
export const outcomes: fc.Arbitrary<Outcome> = fc.tuple(happenings, periods).map(([outcome, period]) => {
  // With a term these would be read as renewals.
  const ofTerm = outcome.kind !== 'contracted' && outcome.kind !== 'expanded';
  return {
    ...outcome,
    termStart: ofTerm ? period.start : null,
    termEnd: ofTerm ? period.lasts[0]! : null,
  };
});
