import {
  create,
  type DescField,
  type DescMessage,
  fromBinary,
  ScalarType,
  toBinary,
} from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { anyUnpack, FieldMaskSchema, TimestampSchema } from '@bufbuild/protobuf/wkt';
import { credentials, Client as GrpcClient, type ServiceError, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pathOf, type Rpc } from '../../src/api/rpc.js';
import { rpcsOf } from '../../src/api/server.js';
import { BadRequestSchema } from '../../src/client/index.js';
import { StatusSchema } from '../../src/gen/google/rpc/status_pb.js';
import { thorough } from '../support/thorough.js';
import { NOW, type ScoredEngine, type Served, scoredEngine, serve } from './support.js';

/*
 * Every field of every request of the contract with what a caller could think of: what is wrong is refused and the field named, and nothing
 * is a defect; in `npm test` every field has one of the values, another from field to field. Methods and fields come from the descriptors, so that a new one is covered by itself; what a request needs beside the field
 * at fault is taken from `SAMPLES`, by the field's name.
 */

/** One field of a request with a value, as it goes over the wire behind the rest of the request. */
interface Hostile {
  readonly path: string;
  readonly what: string;
  readonly bytes: Uint8Array;
  /** Whether no method can mean it, whatever the field is for. */
  readonly wrong: boolean;
}

const LONG = 'x'.repeat(100_000);
const STRINGS: readonly (readonly [string, string, boolean])[] = [
  ['nothing', '', false],
  ['control characters', '\u0000\u0001\n\u007f', false],
  ["what SQL and the store's parameters quote", `'"\`\\; {x:String} -- \t\\N`, false],
  ['letters of two units and from right to left', '\u{1f600}\u202e\u0301', false],
  ['100,000 letters', LONG, true],
];
const DOUBLES = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e308, -1e308, -0, 5e-324];
const TIMES: readonly (readonly [bigint, number])[] = [
  [2n ** 62n, 0],
  [-(2n ** 62n), 0],
  [253_402_300_800n, 0],
  [0n, -1],
  [0n, 2_147_483_647],
];
const MANY = 1_001;
const DEEPEST = 4;

const field = (number: number, wire: WireType, write: (to: BinaryWriter) => void): Uint8Array => {
  const writer = new BinaryWriter().tag(number, wire);
  write(writer);
  return writer.finish();
};
const text = (number: number, value: string) =>
  field(number, WireType.LengthDelimited, (to) => void to.string(value));
const block = (number: number, bytes: Uint8Array) =>
  field(number, WireType.LengthDelimited, (to) => void to.bytes(bytes));

function scalars(number: number, type: ScalarType): readonly (readonly [string, Uint8Array, boolean])[] {
  switch (type) {
    case ScalarType.STRING:
      return [
        ...STRINGS.map(([what, value, wrong]) => [what, text(number, value), wrong] as const),
        ['bytes that are no text', block(number, Uint8Array.of(0xff, 0xfe, 0xc0)), false],
      ];
    case ScalarType.BYTES:
      return [['a megabyte', block(number, new Uint8Array(1_048_576)), false]];
    case ScalarType.BOOL:
      return [['yes', field(number, WireType.Varint, (to) => void to.bool(true)), false]];
    case ScalarType.DOUBLE:
      return DOUBLES.map((value) => [
        String(value),
        field(number, WireType.Bit64, (to) => void to.double(value)),
        !Number.isFinite(value),
      ]);
    case ScalarType.INT32:
      return [-1, 2_147_483_647, -2_147_483_648].map((value) => [
        String(value),
        field(number, WireType.Varint, (to) => void to.int32(value)),
        false,
      ]);
    case ScalarType.INT64:
      return [-1n, 2n ** 63n - 1n, -(2n ** 63n)].map((value) => [
        String(value),
        field(number, WireType.Varint, (to) => void to.int64(value)),
        false,
      ]);
    default:
      throw new Error(`this test knows no values of scalar type ${ScalarType[type]}`);
  }
}

function messages(number: number, desc: DescMessage, depth: number): Omit<Hostile, never>[] {
  if (desc.typeName === TimestampSchema.typeName)
    return TIMES.map(([seconds, nanos]) => ({
      path: '',
      what: `${seconds} seconds and ${nanos} nanoseconds`,
      bytes: block(number, toBinary(TimestampSchema, create(TimestampSchema, { seconds, nanos }))),
      wrong: true,
    }));
  if (desc.typeName === FieldMaskSchema.typeName)
    return [['nope'], [''], ['*', 'a.b.c'], [LONG], Array.from({ length: MANY }, () => 'nope')].map(
      (paths) => ({
        path: '',
        what: `${paths.length} paths such as ${paths[0]!.slice(0, 10)}`,
        bytes: block(number, toBinary(FieldMaskSchema, create(FieldMaskSchema, { paths }))),
        wrong: true,
      }),
    );
  const empty = { path: '', what: 'an empty message', bytes: block(number, new Uint8Array()), wrong: false };
  const inner = depth >= DEEPEST ? [] : hostileFields(desc, depth + 1);
  return [
    empty,
    ...inner.map(({ path, what, bytes, wrong }) => ({
      path: `.${path}`,
      what,
      bytes: block(number, bytes),
      wrong,
    })),
  ];
}

function valuesOf(desc: DescField, depth: number): Hostile[] {
  const { name, number } = desc;
  const named = (one: Omit<Hostile, 'path'> & { path?: string }) => ({
    ...one,
    path: `${name}${one.path ?? ''}`,
  });
  const ofScalar = (type: ScalarType) =>
    scalars(number, type).map(([what, bytes, wrong]) => named({ what, bytes, wrong }));
  const ofEnum = () =>
    [0, 999, -1, -2_147_483_648].map((value) =>
      named({
        what: `value ${value} of an enum`,
        bytes: field(number, WireType.Varint, (to) => void to.int32(value)),
        wrong: value !== 0,
      }),
    );
  switch (desc.fieldKind) {
    case 'scalar':
      return ofScalar(desc.scalar);
    case 'enum':
      return ofEnum();
    case 'message':
      return messages(number, desc.message, depth).map(named);
    case 'list': {
      const ofOne =
        desc.listKind === 'scalar'
          ? ofScalar(desc.scalar)
          : desc.listKind === 'enum'
            ? ofEnum()
            : messages(number, desc.message, depth).map(named);
      const first = ofOne[0]!.bytes;
      const many = { what: `${MANY} of them`, bytes: repeated(first, MANY), wrong: false };
      return [...ofOne, named(many)];
    }
    case 'map': {
      const entry = (key: string, value: Uint8Array) => block(number, Buffer.concat([text(1, key), value]));
      const sample = desc.mapKind === 'message' ? block(2, new Uint8Array()) : text(2, 'x');
      return [
        ...STRINGS.map(([what, key, wrong]) =>
          // The names in a free form are the caller's own.
          named({
            what: `the key ${what}`,
            bytes: entry(key, sample),
            wrong: wrong && desc.mapKind !== 'message',
          }),
        ),
        named({
          what: `${MANY} keys`,
          bytes: Buffer.concat(Array.from({ length: MANY }, (_, i) => entry(String(i), sample))),
          wrong: false,
        }),
      ];
    }
  }
}

function hostileFields(desc: DescMessage, depth = 0): Hostile[] {
  return desc.fields.flatMap((one) => valuesOf(one, depth));
}

function repeated(bytes: Uint8Array, count: number): Uint8Array {
  return Buffer.concat(Array.from({ length: count }, () => bytes));
}

/** One value for each field: the first of the first field, the second of the second, and so on. */
function oneOfEach(all: readonly Hostile[]): Hostile[] {
  const fields = new Map<string, Hostile[]>();
  for (const one of all) {
    const values = fields.get(one.path);
    if (values === undefined) fields.set(one.path, [one]);
    else values.push(one);
  }
  return [...fields.values()].map((values, place) => values[place % values.length]!);
}

let scored: ScoredEngine;
let served: Served;
let client: GrpcClient;
let samples: Readonly<Record<string, string>>;
/** The rules that are live. */
let files: Readonly<Record<string, string>>;

/** The part of a request that is in order: strings of the names that requests have, and times in times. */
function sampleOf(desc: DescMessage, depth = 0): Uint8Array {
  const chosen = new Set<unknown>();
  const parts = desc.fields.map((one) => {
    // One of a oneof, the first.
    if (one.oneof !== undefined) {
      if (chosen.has(one.oneof)) return new Uint8Array();
      chosen.add(one.oneof);
    }
    const sample = samples[one.name];
    if (one.fieldKind === 'scalar' && one.scalar === ScalarType.STRING && sample !== undefined)
      return text(one.number, sample);
    if (one.fieldKind === 'list' && one.listKind === 'scalar' && sample !== undefined)
      return text(one.number, sample);
    if (one.fieldKind === 'scalar' && one.scalar === ScalarType.DOUBLE)
      return field(one.number, WireType.Bit64, (to) => void to.double(50));
    if (one.fieldKind === 'enum' && one.enum.values[1] !== undefined)
      return field(one.number, WireType.Varint, (to) => void to.int32(one.enum.values[1]!.number));
    if (one.fieldKind === 'message' && one.message.typeName === TimestampSchema.typeName)
      return samples[one.name] === undefined
        ? new Uint8Array()
        : block(one.number, timestampBytes(samples[one.name]!));
    if (one.fieldKind === 'list' && one.listKind === 'message' && depth === 0)
      return block(one.number, sampleOf(one.message, depth + 1));
    if (one.fieldKind === 'message' && one.oneof !== undefined && depth < 2)
      return block(one.number, sampleOf(one.message, depth + 1));
    if (one.fieldKind === 'map' && one.name === 'files')
      return Buffer.concat(
        Object.entries(files).map(([name, content]) =>
          block(one.number, Buffer.concat([text(1, name), text(2, content)])),
        ),
      );
    return new Uint8Array();
  });
  return Buffer.concat(parts);
}

function timestampBytes(iso: string): Uint8Array {
  return toBinary(TimestampSchema, create(TimestampSchema, { seconds: BigInt(Date.parse(iso) / 1_000) }));
}

interface Ended {
  readonly code: number;
  readonly details: string;
  readonly fields: readonly string[];
  readonly answers: readonly Buffer[];
}

function call({ method }: Rpc, request: Uint8Array): Promise<Ended> {
  return new Promise((resolve) => {
    const same = (bytes: Buffer) => bytes;
    const answers: Buffer[] = [];
    const going = client.makeBidiStreamRequest(pathOf(method), same, same, {
      deadline: Date.now() + 120_000,
    });
    going.on('data', (bytes: Buffer) => {
      answers.push(bytes);
      // A watch that begins is let in, and has no end.
      if (method.name.startsWith('Watch')) going.cancel();
    });
    going.on('error', (error: ServiceError) => {
      const [bytes] = error.metadata.get('grpc-status-details-bin') as Buffer[];
      const details = bytes === undefined ? [] : fromBinary(StatusSchema, bytes).details;
      const bad = details.map((one) => anyUnpack(one, BadRequestSchema)).filter((one) => one !== undefined);
      const fields = bad.flatMap(({ fieldViolations }) => fieldViolations.map((one) => one.field));
      resolve({ code: error.code, details: error.details, fields, answers });
    });
    going.on('end', () => resolve({ code: status.OK, details: '', fields: [], answers }));
    going.write(Buffer.from(request));
    going.end();
  });
}

/** What a call may end with that is no fault of the server. */
const SOUND = new Set([
  status.OK,
  status.CANCELLED,
  status.INVALID_ARGUMENT,
  status.NOT_FOUND,
  status.FAILED_PRECONDITION,
  status.RESOURCE_EXHAUSTED,
]);

const RPCS = rpcsOf({ engine: { questions: {}, definitions: {} } } as never);

beforeAll(async () => {
  scored = await scoredEngine(12);
  served = await serve(scored.engine);
  client = new GrpcClient(served.target, credentials.createInsecure());
  const [risk] = await scored.engine.questions.risks({}, 1);
  const { decisions } = await served.client.decisions.listDecisions({ filter: { anyStatus: true } });
  ({ files } = await served.client.rules.getRuleSet({}));
  const soon = new Date(NOW + 86_400_000).toISOString();
  const day = new Date(NOW - 86_400_000).toISOString();
  samples = {
    ...{ subscription_id: risk!.subscriptionId, subscription_ids: risk!.subscriptionId },
    ...{ account_id: risk!.accountId, decision_id: decisions[0]!.decisionId },
    ...{ id: 'evt-1', source: 's', type: 'feature_used', time: day },
    ...{
      reason: 'asked for',
      actor: 'ana',
      request_id: 'hostile',
      override_id: '1',
      retraction_id: `m-${'0'.repeat(12)}`,
    },
    ...{ sql: 'SELECT 1', run: 'none' },
    ...{ snooze_time: soon, end_time: soon },
  };
}, 120_000);
afterAll(async () => {
  client?.close();
  await served?.stop();
  await scored?.close();
});

describe('hostile values in every field', () => {
  it.each(RPCS.map((rpc): [string, Rpc] => [pathOf(rpc.method), rpc]))(
    '%s',
    async (_path, rpc) => {
      const { input, output } = rpc.method;
      const base = sampleOf(input);
      const sound = await call(rpc, base);
      expect([sound.code, sound.details]).toEqual([
        expect.toSatisfy((code) => code !== status.INVALID_ARGUMENT && SOUND.has(code)),
        sound.details,
      ]);
      const faults: string[] = [];
      const queue = thorough ? hostileFields(input) : oneOfEach(hostileFields(input));
      const worker = async () => {
        for (let one = queue.pop(); one !== undefined; one = queue.pop()) {
          const { path, what, bytes, wrong } = one;
          const { code, details, fields, answers } = await call(rpc, Buffer.concat([base, bytes]));
          const say = (fault: string) =>
            faults.push(`${path} with ${what}: ${fault}: ${details.slice(0, 300)}`);
          if (!SOUND.has(code)) say(status[code]!);
          if (details.length > 8_192) say(`${details.length} letters of message`);
          const malformed = what === 'bytes that are no text';
          if (code === status.INVALID_ARGUMENT && fields.length === 0 && !malformed) say('no field named');
          const [first] = path.split('.');
          if (!wrong) continue;
          if (rpc.raw) {
            // Records are refused one by one, and the rest goes in.
            const named = answers.flatMap(
              (answer) =>
                (fromBinary(output, answer) as unknown as { rejections: { field: string }[] }).rejections ??
                [],
            );
            if (code === status.OK && named.length === 0) say('was taken');
          } else if (code !== status.INVALID_ARGUMENT) say(`was answered with ${status[code]}`);
          else if (!fields.some((one) => one.includes(first!))) say(`other fields named: ${fields}`);
        }
      };
      await Promise.all(Array.from({ length: 4 }, worker));
      expect(faults).toEqual([]);
    },
    300_000,
  );
});
