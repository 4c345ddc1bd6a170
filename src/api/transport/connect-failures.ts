import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import type { DescMessage, DescMethod } from '@bufbuild/protobuf';
import { base64Decode } from '@bufbuild/protobuf/wire';
import { ConnectError } from '@connectrpc/connect';
import { createAsyncIterable, readAllBytes, type UniversalHandler } from '@connectrpc/connect/protocol';
import { codeToHttpStatus, errorToJsonBytes } from '@connectrpc/connect/protocol-connect';
import { type FieldFault, PerennialError } from '../../core/errors.js';
import { type Failure, type Failures, failureOf } from '../failure.js';
import { pathOf } from '../rpc.js';
import { invalidFields } from '../validate.js';
import { TOO_LARGE } from './too-large.js';

const JSON_TYPE = 'application/json';
const UNARY_TYPES = /^application\/(json|proto)\b/;
/** An error of the library in its JSON has some hundred. */
const LONGEST_ERROR = 1_048_576;

type Answer = Awaited<ReturnType<UniversalHandler>>;
type CallOfConnect = Parameters<UniversalHandler>[0];

/**
 * A handler of Connect's unary calls whose every failure is in the words of the contract. The library reads a request before anybody else sees
 * the call: a caller that may not make it is refused before that, and for what can't be read, or written, the library has a message and no
 * details.
 */
export function inWordsOfContract(
  method: DescMethod,
  handler: UniversalHandler,
  failures: Failures,
  refusal: (call: CallOfConnect) => Promise<Failure | null>,
): UniversalHandler {
  const answer = async (call: CallOfConnect): Promise<Answer> => {
    // A question by GET stands in its address, and has no type.
    if (call.method !== 'GET' && !UNARY_TYPES.test(call.header.get('content-type') ?? ''))
      return handler(call);
    const refused = await refusal(call);
    if (refused !== null) return answerOf(refused);
    if (call.method === 'GET' && !isReadable(call.url))
      return answerOf(malformed(method.input, '`message` is not base64, as `base64` says'));
    const answered = await handler(call);
    if (answered.status === 200 || answered.header?.get('content-type') !== JSON_TYPE) return answered;
    const body = await readAllBytes(answered.body as AsyncIterable<Uint8Array>, LONGEST_ERROR);
    const text = unpacked(body, answered.header.get('content-encoding')).toString();
    const failure = failureOfLibrary(method, JSON.parse(text) as ErrorOfConnect, failures);
    return failure === undefined ? { ...answered, body: createAsyncIterable([body]) } : answerOf(failure);
  };
  return Object.assign(answer, handler);
}

function answerOf({ code, message, details }: Failure): Answer {
  const error = new ConnectError(message, code as number, undefined, [...details]);
  const body = errorToJsonBytes(error, undefined);
  return {
    status: codeToHttpStatus(code as number),
    header: new Headers({ 'content-type': JSON_TYPE, 'content-length': String(body.byteLength) }),
    body: createAsyncIterable([body]),
  };
}

/** The library packs what is longer than a kilobyte as the caller accepts it. */
function unpacked(body: Uint8Array, encoding: string | null): Buffer {
  if (encoding === 'gzip') return gunzipSync(body);
  return encoding === 'br' ? brotliDecompressSync(body) : Buffer.from(body);
}

interface ErrorOfConnect {
  readonly code: string;
  readonly message?: string;
  readonly details?: unknown;
}

/** What a call is answered that the library has failed; undefined: it is an error of ours, or says all there is to say. */
function failureOfLibrary(
  method: DescMethod,
  { code, message = '', details }: ErrorOfConnect,
  failures: Failures,
): Failure | undefined {
  if (details !== undefined) return undefined;
  if (code === 'resource_exhausted' && /^message .*readMaxBytes/.test(message)) return TOO_LARGE;
  if (code !== 'invalid_argument' && !message.startsWith('parse binary')) {
    // An answer of ours that it could not write.
    return code === 'internal' ? failures.of(new Error(message), pathOf(method)) : undefined;
  }
  const { input } = method;
  const fault = faultOf(input, message);
  if (fault !== undefined) return failureOf(invalidFields([fault]));
  return malformed(input, message);
}

function malformed({ typeName }: DescMessage, why: string): Failure {
  return failureOf(
    new PerennialError('invalid_argument', `The request is not a ${typeName}: ${why}`, {
      reason: 'REQUEST_MALFORMED',
    }),
  );
}

/** Whether the message in the address of a question can be had. The library takes what can't for a defect of its own. */
function isReadable(url: string): boolean {
  const { searchParams } = new URL(url);
  if (searchParams.get('base64') !== '1') return true;
  try {
    base64Decode(searchParams.get('message') ?? '');
    return true;
  } catch {
    return false;
  }
}

/** The field of a request at fault, by how the library words it. */
function faultOf(input: DescMessage, message: string): FieldFault | undefined {
  const [, what, type = '', why = ''] =
    /^cannot decode (message|field|oneof|enum) (\S+) from JSON: (.*)$/s.exec(message) ?? [];
  const at = (prefixes: readonly string[], name: string) =>
    prefixes.map((prefix) => (prefix === '' ? name : `${prefix}.${name}`)).join(' or ');
  switch (what) {
    case 'field':
    case 'oneof': {
      const dot = type.lastIndexOf('.');
      return { field: at(pathsTo(input, type.slice(0, dot)), type.slice(dot + 1)), description: why };
    }
    case 'message': {
      const [, key] = /^key "(.*)" is unknown$/s.exec(why) ?? [];
      if (key !== undefined)
        return { field: at(pathsTo(input, type), key), description: `is no field of ${type}` };
      return type === input.typeName
        ? undefined
        : { field: pathsTo(input, type).join(' or '), description: why };
    }
    case 'enum':
      return { field: pathsTo(input, type).join(' or '), description: `${why} is no ${type}` };
    default:
      return undefined;
  }
}

/** Where in a message, messages or values of a type stand. The library says the type alone. */
function pathsTo(message: DescMessage, type: string, depth = 4): string[] {
  if (message.typeName === type) return [''];
  if (depth === 0) return [];
  return message.fields.flatMap(({ name, enum: values, message: inner }) => {
    if (values?.typeName === type) return [name];
    const paths = inner === undefined ? [] : pathsTo(inner, type, depth - 1);
    return paths.map((path) => (path === '' ? name : `${name}.${path}`));
  });
}
