import { Fault } from './fault.js';

type HeaderValue = string | Uint8Array | null;

/** Header values as Kafka clients and gRPC metadata hand them over. Null, which Kafka allows, counts as not there. */
export type MessageHeaders = Readonly<Record<string, HeaderValue | readonly HeaderValue[] | undefined>>;

/** Those of a message that has none. */
export const NO_HEADERS: MessageHeaders = Object.freeze(Object.create(null));

/** A message as a transport delivers it: bytes, and headers where the transport has them. */
export interface Message {
  readonly body: Uint8Array;
  /** Kafka headers, with `content-type` and, in CloudEvents binary mode, `ce_*`. @default none */
  readonly headers?: MessageHeaders;
}

/** How the bytes of a message are to be read, from its content type. */
export type BodyForm = 'json' | 'cloudevent' | 'protobuf';

const CONTENT_TYPE = /^content[-_]?type$/i;
const PROTOBUF_TYPES = new Set([
  'application/protobuf',
  'application/x-protobuf',
  'application/vnd.google.protobuf',
]);

/** The first value of a header that is there. */
export function firstHeader(headers: MessageHeaders, name: string): string | Uint8Array | undefined {
  const value = Object.hasOwn(headers, name) ? headers[name] : undefined;
  const values: readonly HeaderValue[] = Array.isArray(value) ? value : [value ?? null];
  return values.find((one) => one !== null) ?? undefined;
}

/** The first value of a header as text, loosely decoded; undefined when it is not there. */
function headerText(headers: MessageHeaders | undefined, name: string): string | undefined {
  const first = headers === undefined ? undefined : firstHeader(headers, name);
  return first === undefined || typeof first === 'string' ? first : Buffer.from(first).toString('utf8');
}

/** The headers that reading the body depends on, as text, for reading it again later; undefined when there are none. */
export function rereadHeaders(headers: MessageHeaders | undefined): Record<string, string> | undefined {
  const kept: Record<string, string> = {};
  for (const name of Object.keys(headers ?? {})) {
    if (!name.startsWith('ce_') && !CONTENT_TYPE.test(name)) continue;
    const text = headerText(headers, name);
    if (text !== undefined) kept[name] = text;
  }
  return Object.keys(kept).length === 0 ? undefined : kept;
}

/** The content type, whatever the case of the header's name; empty when there is none. */
export function contentTypeOf({ headers }: Pick<Message, 'headers'>): string {
  if (headers === undefined) return '';
  const direct = headerText(headers, 'content-type');
  if (direct !== undefined) return direct;
  const name = Object.keys(headers).find((key) => CONTENT_TYPE.test(key));
  return name === undefined ? '' : (headerText(headers, name) ?? '');
}

/** Reads a content type. None means JSON. Throws a Fault that names the field for one that Perennial does not read. */
export function bodyFormOf(contentType: string, field = 'content-type'): BodyForm {
  if (contentType === '') return 'json';
  const [essence = '', ...parameters] = contentType.toLowerCase().split(';');
  const type = essence.trim();
  for (const parameter of parameters) {
    const charset = /^\s*charset\s*=\s*"?([^"\s]*)"?\s*$/.exec(parameter)?.[1];
    if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8' && charset !== 'us-ascii') {
      throw new Fault('unsupported_content_type', field, 'Only UTF-8 is read: send JSON as UTF-8.');
    }
  }
  if (type === 'application/cloudevents+json') return 'cloudevent';
  if (PROTOBUF_TYPES.has(type)) return 'protobuf';
  if (type === 'application/json' || type === 'text/json') return 'json';
  if (type.endsWith('+json') && !type.startsWith('application/cloudevents')) return 'json';
  throw new Fault(
    'unsupported_content_type',
    field,
    'This content type is not read: send application/json, application/cloudevents+json or application/protobuf.',
  );
}
