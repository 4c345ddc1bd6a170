import { Fault } from './fault.js';
import { decodeUtf8, isObject, type JsonObject, parseJsonObject } from './json-body.js';
import { type BodyForm, bodyFormOf, firstHeader, type Message, type MessageHeaders } from './message.js';

/**
 * What the three JSON forms have in common once they are taken apart: CloudEvents structured mode, CloudEvents binary
 * mode and the plain object. Values are still unchecked.
 */
export interface Envelope {
  readonly id: unknown;
  readonly source: unknown;
  /** Category, or "subscription", or "outcome"; undefined where the form leaves it to `type`. */
  readonly category: unknown;
  /** `<category>.<type>`, or the bare type beside a category. */
  readonly type: unknown;
  /** Kind of an outcome, in the plain form only. */
  readonly kind: unknown;
  readonly accountId: unknown;
  readonly time: unknown;
  /** The plain form's own object: what it holds beside the envelope counts as if it stood in `data`. */
  readonly top: JsonObject | undefined;
  /** subscription_id, value, attributes and everything else. */
  readonly data: JsonObject | undefined;
}

/** Takes a JSON message apart. Throws a Fault. */
export function readEnvelope(message: Message, form: Exclude<BodyForm, 'protobuf'>): Envelope {
  if (form === 'json' && isBinaryMode(message.headers)) return binaryMode(message.headers, message.body);
  const object = parseJsonObject(message.body);
  return form === 'cloudevent' || Object.hasOwn(object, 'specversion')
    ? structuredMode(object)
    : plain(object);
}

function plain(object: JsonObject): Envelope {
  return {
    id: object.id,
    source: object.source,
    category: object.category,
    type: object.type,
    kind: object.kind,
    accountId: eitherOf(object.account_id, object.subject, 'account_id'),
    time: object.time,
    top: object,
    data: dataOf(object.data),
  };
}

function structuredMode(event: JsonObject): Envelope {
  checkSpecversion(event.specversion);
  const { datacontenttype } = event;
  if (datacontenttype !== undefined && datacontenttype !== null) {
    if (typeof datacontenttype !== 'string') {
      throw new Fault('wrong_type', 'datacontenttype', '`datacontenttype` must be a text.');
    }
    checkJson(bodyFormOf(datacontenttype, 'datacontenttype'), 'datacontenttype');
  }
  if (event.data_base64 !== undefined) checkJson('protobuf', 'data_base64');
  return {
    id: event.id,
    source: event.source,
    category: undefined,
    type: event.type,
    kind: undefined,
    accountId: event.subject,
    time: event.time,
    top: undefined,
    data: dataOf(event.data),
  };
}

export function isBinaryMode(headers: MessageHeaders | undefined): headers is MessageHeaders {
  return (
    headers !== undefined && (Object.hasOwn(headers, 'ce_specversion') || Object.hasOwn(headers, 'ce_type'))
  );
}

function binaryMode(headers: MessageHeaders, body: Uint8Array): Envelope {
  checkSpecversion(strictHeader(headers, 'ce_specversion'));
  return {
    id: strictHeader(headers, 'ce_id'),
    source: strictHeader(headers, 'ce_source'),
    category: undefined,
    type: strictHeader(headers, 'ce_type'),
    kind: undefined,
    accountId: strictHeader(headers, 'ce_subject'),
    time: strictHeader(headers, 'ce_time'),
    top: undefined,
    data: body.length === 0 ? undefined : parseJsonObject(body),
  };
}

/** A CloudEvents header as text. Throws a Fault when it is not UTF-8. */
function strictHeader(headers: MessageHeaders, name: string): string | undefined {
  const first = firstHeader(headers, name);
  return first === undefined || typeof first === 'string' ? first : decodeUtf8(first);
}

function checkSpecversion(specversion: unknown): void {
  if (specversion === '1.0') return;
  throw new Fault(
    'unsupported_specversion',
    'specversion',
    'Only CloudEvents 1.0 is read: send `specversion` "1.0".',
  );
}

function checkJson(form: BodyForm, field: string): void {
  if (form === 'json') return;
  throw new Fault(
    'unsupported_content_type',
    field,
    'The data of a CloudEvent is read as JSON only: send `data`.',
  );
}

function dataOf(data: unknown): JsonObject | undefined {
  if (data === undefined || data === null) return undefined;
  if (!isObject(data)) throw new Fault('wrong_type', 'data', '`data` must be an object.');
  return data;
}

/** The one that is there. Two that differ are refused: either could be meant. */
export function eitherOf(one: unknown, other: unknown, field: string): unknown {
  if (one === undefined || one === null) return other;
  if (other === undefined || other === null || one === other) return one;
  throw new Fault('bad_value', field, `\`${field}\` is given twice, with different values.`);
}
