import * as fc from 'fast-check';
import type { Message } from '../../src/signals/message.js';
import { plainOutcome, plainSubscription } from '../../src/signals/serialise.js';
import { json, outcomes, SIGNAL_FORMS, signals, subscriptions } from './forms.js';

/** Valid messages of every form, the same for a seed: what mutations start from. */
export function corpus(seed: number): readonly Message[] {
  const options = { seed, numRuns: 40 };
  return [
    ...fc
      .sample(signals, options)
      .flatMap((signal) => Object.values(SIGNAL_FORMS).map((write) => write(signal))),
    ...fc.sample(subscriptions, options).map((subscription) => json(plainSubscription(subscription))),
    ...fc.sample(outcomes, options).map((outcome) => json(plainOutcome(outcome))),
  ];
}

/** One way to spoil a message; `at` and `pick` are large numbers that choose the place and the substitute. */
export interface Mutation {
  readonly how: keyof typeof MUTATIONS;
  readonly at: number;
  readonly pick: number;
}

const TOKENS = [
  ...[
    '1e400',
    '-1e400',
    '-0',
    '99999999999999999999',
    '1e-400',
    '0x10',
    'NaN',
    'Infinity',
    'null',
    'true',
    '{}',
    '[]',
    `${'['.repeat(40)}${']'.repeat(40)}`,
  ],
  ...[
    '"\\ud800"',
    '"\\u0000"',
    '"__proto__":',
    '"__proto__":{"x":1},',
    '"constructor":',
    '"toString":1,',
    '""',
    '"x"',
  ],
  ...[
    '"2025-02-30T00:00:00Z"',
    '"2025-01-01"',
    '"0000-00-00T00:00:00Z"',
    '"9999-12-31T23:59:59Z"',
    '"+275760-09-13"',
  ],
  ...[
    '"2025-01-01T00:00:00+99:99"',
    '"Infinity"',
    '"specversion":"0.3",',
    '"specversion":"1.0",',
    '"data":[],',
  ],
  ...[
    '"id":"a","id":"b",',
    '"attributes":null,',
    '"attributes":7,',
    '"data_base64":"e30=",',
    '"kind":7,',
    '\uFEFF',
    '\0',
  ],
  ...[
    '['.repeat(40),
    '{"a":'.repeat(40),
    '['.repeat(5_000),
    'é'.repeat(300),
    'x'.repeat(9_000),
    ']',
    '}',
    '"',
    ',',
    ':',
  ],
].map((token) => Buffer.from(token));
const BYTES = [
  [0xff],
  [0xc0, 0x80],
  [0xed, 0xa0, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
  [0x80],
  [0],
  [0x0a, 0xff, 0xff],
  [0x0b],
].map((bytes) => Buffer.from(bytes));
const HEADERS: readonly (readonly [string, string | Uint8Array | undefined])[] = [
  ['content-type', 'application/protobuf'],
  ['content-type', 'application/cloudevents+json'],
  ['content-type', 'application/json; charset=utf-16'],
  ['content-type', ';;=\u0000'],
  ['Content-Type', 'application/json'],
  ['ce_specversion', '1.0'],
  ['ce_specversion', undefined],
  ['ce_id', Buffer.from([0xff])],
  ['ce_time', '2025'],
  ['ce_type', ''],
  ['__proto__', 'x'],
];

const MUTATIONS = {
  truncate: ({ body, ...rest }: Message, at: number): Message => ({
    ...rest,
    body: body.subarray(0, at % (body.length + 1)),
  }),
  flip: ({ body, ...rest }: Message, at: number, pick: number): Message => {
    const copy = Buffer.from(body);
    if (copy.length > 0) copy[at % copy.length]! ^= 1 << (pick % 8);
    return { ...rest, body: copy };
  },
  token: (message: Message, at: number, pick: number) =>
    splice(message, at, 0, TOKENS[pick % TOKENS.length]!),
  bytes: (message: Message, at: number, pick: number) => splice(message, at, 0, BYTES[pick % BYTES.length]!),
  remove: (message: Message, at: number, pick: number) =>
    splice(message, at, 1 + (pick % 16), Buffer.alloc(0)),
  /** Puts a token in the place of a JSON value, so that what follows is still JSON. */
  value: (message: Message, at: number, pick: number): Message => {
    const text = Buffer.from(message.body).toString('latin1');
    const values = [...text.matchAll(/(?<=":)(?:"(?:[^"\\]|\\.)*"|[^,{}[\]"]+)/g)];
    const value = values[at % Math.max(1, values.length)];
    return value === undefined
      ? message
      : splice(message, value.index, value[0].length, TOKENS[pick % TOKENS.length]!);
  },
  header: (message: Message, at: number): Message => {
    const [name, value] = HEADERS[at % HEADERS.length]!;
    return { ...message, headers: { ...message.headers, [name]: value } };
  },
} as const;

export const mutations: fc.Arbitrary<readonly Mutation[]> = fc.array(
  fc.record({
    // Most go for single values: what breaks JSON or UTF-8 as a whole never reaches the checks behind it.
    how: fc.oneof(
      { weight: 3, arbitrary: fc.constant<keyof typeof MUTATIONS>('value') },
      { weight: 2, arbitrary: fc.constantFrom(...(Object.keys(MUTATIONS) as (keyof typeof MUTATIONS)[])) },
    ),
    at: fc.nat(),
    pick: fc.nat(),
  }),
  { minLength: 1, maxLength: 3 },
);

export function mutate(message: Message, how: readonly Mutation[]): Message {
  return how.reduce((mutated, { how: name, at, pick }) => MUTATIONS[name](mutated, at, pick), message);
}

function splice({ body, ...rest }: Message, at: number, remove: number, insert: Uint8Array): Message {
  const start = at % (body.length + 1);
  return { ...rest, body: Buffer.concat([body.subarray(0, start), insert, body.subarray(start + remove)]) };
}
