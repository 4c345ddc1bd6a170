import { Vector } from 'apache-arrow';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Message } from '../../src/signals/message.js';
import { parseMessage } from '../../src/signals/parse.js';
import { type MessageBytes, SignalScanner } from '../../src/signals/scan/signal-scanner.js';
import { CATEGORIES, type Signal } from '../../src/signals/signal.js';
import type { Version } from '../../src/signals/versions.js';
import { SIGNALS } from '../../src/store/signal-log.js';
import { context, iso, NOW } from './forms.js';
import { corpus, mutate, mutations } from './mutations.js';

const CASES = Number(process.env.FUZZ_CASES ?? 20_000);
const TIMEOUT = 60_000 + CASES;
const SEED = fc.readConfigureGlobal().seed!;
const at = context();

/** What a signal is, whoever holds it. */
function membersOf({ source, id, category, type, accountId, subscriptionId, ...rest }: Signal): Signal {
  const { occurredAt, value, attributes } = rest;
  return { source, id, category, type, accountId, subscriptionId, occurredAt, value, attributes };
}

/** All that the store makes of a signal. */
function storedAs(value: Signal): unknown {
  const version: Version<Signal> = {
    value,
    content: SIGNALS.contentOf(value),
    origin: { topic: 't', partition: 0, offset: 7 },
    ...{ receivedAt: NOW, arrivedAt: NOW, load: '', again: 0, until: null, ended: '', endedBy: '' },
  };
  const columns = SIGNALS.columns().map((column) => {
    column.push([version], 0, 1);
    const [cell] = new Vector([column.builder.finish()]);
    const isMap = typeof cell === 'object' && cell !== null;
    return { name: column.name, isUsual: column.isUsual([version]), cell: isMap ? [...cell] : cell };
  });
  return { identity: SIGNALS.identityOf(value), content: version.content, columns };
}

/** The message as it arrives: behind others and before others, which belong to none of it. */
function among({ body, headers }: Message, after = '"}'): MessageBytes {
  const bytes = Buffer.concat([Buffer.from('{"id":"'), body, Buffer.from(after)]);
  const place = { bytes, bodyStart: 7, bodyEnd: 7 + body.length, receivedAt: at.receivedAt };
  return headers === undefined ? place : { ...place, headers };
}

/** Whether the scanner takes the message; then it must be what it is to everybody else. */
function takes(scanner: SignalScanner, message: Message): boolean {
  const scanned = scanner.read(among(message));
  if (scanned === undefined) return false;
  const parsed = parseMessage(message, 'signal', at);
  // Read lazily, so the parts are compared before the whole.
  const read = { source: scanned.source, id: scanned.id, category: scanned.category, type: scanned.type };
  const { accountId, subscriptionId, occurredAt, value, attributes } = scanned;
  const members = { ...read, accountId, subscriptionId, occurredAt, value, attributes };
  if (parsed.kind !== 'signal') throw new Error(`taken, but ${JSON.stringify(parsed)}`);
  expect(members).toEqual(membersOf(parsed.signal));
  expect(Object.is(members.value, parsed.signal.value)).toBe(true);
  expect(storedAs(scanned)).toEqual(storedAs(parsed.signal));
  return true;
}

const name = fc.string({ unit: fc.constantFrom(...'abcxyz019_'), minLength: 1, maxLength: 12 });
const id = fc.oneof(
  { weight: 9, arbitrary: fc.nat().map((n) => `evt-${n}`) },
  fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 40 }),
);
const plain = fc.string({ unit: fc.constantFrom(...'abz AZ09-_:/.'), minLength: 1, maxLength: 30 });
const text = fc.oneof({ weight: 9, arbitrary: plain }, id, fc.string({ unit: 'grapheme', maxLength: 9 }));
const listed = [...at.catalogue].map(({ category, name: type }) => [category, type] as const);
const attributeNames = [...at.catalogue].flatMap(({ type: { value, attributes } }) => [
  ...(value === undefined ? [] : [value.attribute]),
  ...Object.keys(attributes),
]);
const number = fc.oneof(
  { weight: 9, arbitrary: fc.nat(1_000).map(String) },
  fc.constantFrom(
    '0',
    '-0',
    '1',
    '-1',
    '12.5',
    '1.0',
    '-0.0',
    '01',
    '1.',
    '.5',
    '1e3',
    '-',
    '0.1',
    '123456789012345',
  ),
  fc.constantFrom(
    '1234567890123456',
    '9007199254740993',
    '0.30000000000000004',
    '999999999999999.5',
    '1E400',
  ),
  fc.integer().map(String),
  fc.double().map(String),
  fc.tuple(fc.nat(), fc.nat(99_999)).map(([whole, part]) => `${whole}.${part}`),
);
const scalar = fc.oneof(
  { weight: 20, arbitrary: text.map((one) => JSON.stringify(one)) },
  number,
  fc.constantFrom(
    'true',
    'false',
    'null',
    '{}',
    '[]',
    '{"a":1}',
    '"2025-01-31"',
    '"2025-01-31T00:00:00Z"',
    '"-0"',
    '"7"',
  ),
);
const attribute = fc.tuple(
  fc.oneof(
    { weight: 12, arbitrary: name },
    { weight: 4, arbitrary: fc.constantFrom(...attributeNames) },
    fc.constantFrom(
      'id',
      'kind',
      'type',
      'value',
      'toString',
      'constructor',
      '__proto__',
      '',
      'x'.repeat(65),
      'é',
    ),
  ),
  scalar,
);
const time = fc.oneof(
  { weight: 19, arbitrary: fc.integer({ min: Date.UTC(2000), max: NOW }).map(iso) },
  fc.constantFrom(
    '2025-01-01T00:00:00+01:00',
    '2025-02-30T00:00:00Z',
    '1999-12-31T23:59:59Z',
    '2099-01-01T00:00:00Z',
    '',
  ),
);

/** Members of a message, as texts of JSON, in any order; with what a producer may have got wrong now and then. */
const members = fc
  .record({
    id,
    source: fc.oneof(fc.constantFrom('bench', 'crm'), id),
    kind: fc.oneof(
      fc.constantFrom(...listed),
      fc.tuple(fc.constantFrom(...CATEGORIES, ...CATEGORIES, 'subscription'), name),
    ),
    dotted: fc.constantFrom('apart', 'joined', 'both'),
    account: fc.tuple(fc.constantFrom('account_id', 'account_id', 'subject'), id),
    subscription: fc.option(fc.oneof({ weight: 9, arbitrary: id }, fc.constantFrom('', ' ')), {
      nil: undefined,
    }),
    time,
    value: fc.option(number, { nil: undefined }),
    attributes: fc.option(fc.array(attribute, { maxLength: 5 }), { nil: undefined }),
    beside: fc.array(attribute, { maxLength: 2 }),
  })
  .map(({ kind: [category, type], dotted, account, attributes, beside, ...one }) => {
    const quoted = (value: string) => JSON.stringify(value);
    const pair = ([key, value]: readonly [string, string]) => `${JSON.stringify(key)}:${value}`;
    return [
      ['id', quoted(one.id)],
      ['source', quoted(one.source)],
      ['type', quoted(dotted === 'apart' ? type : `${category}.${type}`)],
      ...(dotted === 'joined' ? [] : [['category', quoted(category)]]),
      [account[0], quoted(account[1])],
      ...(one.subscription === undefined ? [] : [['subscription_id', quoted(one.subscription)]]),
      ['time', quoted(one.time)],
      ...(one.value === undefined ? [] : [['value', one.value]]),
      ...(attributes === undefined ? [] : [['attributes', `{${attributes.map(pair).join(', ')}}`]]),
      ...beside,
    ].map((member) => pair(member as [string, string]));
  });

const messages = fc
  .tuple(members, fc.boolean(), fc.constantFrom('', ' ', '\n\t'), fc.infiniteStream(fc.nat()))
  .map(([list, shuffled, blank, random]): Message => {
    const order = shuffled ? list.map((member) => ({ member, place: random.next().value as number })) : [];
    const ordered = shuffled ? order.sort((a, b) => a.place - b.place).map(({ member }) => member) : list;
    return { body: Buffer.from(`${blank}{${blank}${ordered.join(`${blank},`)}${blank}}${blank}`) };
  });

describe('a signal that the scanner takes is the signal that everybody else reads', () => {
  // One for all of them, since it remembers what came before.
  const scanner = new SignalScanner(at.catalogue);

  test('messages of many shapes, spoilt or not', { timeout: TIMEOUT }, () => {
    let taken = 0;
    fc.assert(
      fc.property(messages, fc.oneof(fc.constant([]), mutations), (message, how) => {
        if (takes(scanner, mutate(message, how))) taken++;
      }),
      { numRuns: CASES },
    );
    expect(taken).toBeGreaterThan(CASES / 20);
  });

  test('messages of every form, spoilt', { timeout: TIMEOUT }, () => {
    const valid = corpus(SEED);
    fc.assert(
      fc.property(fc.nat(valid.length - 1), mutations, (index, how) => {
        takes(scanner, mutate(valid[index]!, how));
      }),
      { numRuns: CASES },
    );
  });

  test('arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
        takes(scanner, { body });
      }),
    );
  });
});

const ORDINARY = {
  id: 'evt-8842',
  source: 'product-telemetry',
  type: 'usage.feature_used',
  account_id: 'acct-17',
  time: '2025-03-01T09:30:00.250Z',
  subscription_id: 'sub-4',
  value: 3,
};

test.each([
  ['attributes beside the rest', { ...ORDINARY, feature_key: 'reports' }],
  [
    'attributes in their place',
    { ...ORDINARY, attributes: { feature_key: 'reports', count: 5, beta: true } },
  ],
  ['a text in UTF-8', { ...ORDINARY, page: 'Größe – 大小 🙂\ufeff' }],
  ['the category apart', { ...ORDINARY, type: 'feature_used', category: 'usage' }],
  ['the account as subject', { ...ORDINARY, account_id: undefined, subject: 'acct-17' }],
  ['a value with decimals', { ...ORDINARY, value: 12.25 }],
  ['a checked attribute', { ...ORDINARY, type: 'usage.onboarding_step', attributes: { steps_total: 5 } }],
])('the scanner takes what is ordinary: %s', (_, message) => {
  const scanner = new SignalScanner(at.catalogue);
  const body = Buffer.from(JSON.stringify(message));
  for (const headers of [undefined, Object.create(null), { 'content-type': 'application/json' }])
    expect(takes(scanner, headers === undefined ? { body } : { body, headers })).toBe(true);
});

test.each([
  ['an account that differs from the subject', '{"account_id":"a","subject":"b"'],
  ['a field given twice', '{"id":"b"'],
  ['an attribute given twice', '{"attributes":{"x":"1"},"x":"2"'],
  ['an escape', '{"x":"\\u0041"'],
  ['a name that is no ASCII', '{"é":"x"'],
  ['a source that is no ASCII', '{"source":"é"'],
  ['an event', '{"specversion":"1.0"'],
  ['a payload beside it', '{"data":{"value":1}'],
  ['a nested attribute', '{"x":{"y":1}'],
])('the scanner leaves to others what is not: %s', (_, beginning) => {
  const scanner = new SignalScanner(at.catalogue);
  const rest = JSON.stringify({ ...ORDINARY, subscription_id: undefined }).slice(1);
  expect(takes(scanner, { body: Buffer.from(`{${rest}`) })).toBe(true);
  expect(takes(scanner, { body: Buffer.from(`${beginning},${rest}`) })).toBe(false);
});

test('a text that is no UTF-8 is left to others', () => {
  const scanner = new SignalScanner(at.catalogue);
  for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0x80], [0xc3]]) {
    const text = JSON.stringify({ ...ORDINARY, page: 'x?' });
    const [before, after] = text.split('?').map((part) => Buffer.from(part));
    expect(takes(scanner, { body: Buffer.concat([before!, Buffer.from(bytes), after!]) })).toBe(false);
  }
});

test.each(['', '}', '"}', ' ', ',"x":"y"}', '1}', '5"}}'])(
  'what follows a message in memory is none of it: %s',
  (after) => {
    const whole = Buffer.from(JSON.stringify(ORDINARY));
    for (let length = 0; length < whole.length; length++)
      expect(new SignalScanner(at.catalogue).read(among({ body: whole.subarray(0, length) }, after))).toBe(
        undefined,
      );
    expect(new SignalScanner(at.catalogue).read(among({ body: whole }, after))?.id).toBe('evt-8842');
  },
);
