import { LIMITS } from '../core/limits.js';
import * as signalPb from '../gen/perennial/v1/signal.js';
import * as subscriptionPb from '../gen/perennial/v1/subscription.js';
import { Fault } from './fault.js';
import { readEnvelope } from './json-forms.js';
import { type Expected, recordOf } from './json-records.js';
import { bodyFormOf, contentTypeOf, type Message, rereadHeaders } from './message.js';
import type { ParseContext, Parsed } from './parsed.js';
import { hasProtoAttribute } from './proto-key.js';
import {
  decodeProtobuf,
  outcomeFromProtobuf,
  signalFromProtobuf,
  subscriptionFromProtobuf,
} from './protobuf-form.js';
import type { Rejection } from './signal.js';

/**
 * Reads a message of any transport: CloudEvents 1.0 JSON in structured or binary mode, the plain JSON object, or protobuf
 * (`docs/signals.md` describes each). Pure, and never throws: what can't be read becomes a rejection with its reason.
 * `expected` is what the transport takes the message for; "any" lets the message say, where protobuf means a Signal.
 */
export function parseMessage(message: Message, expected: Expected, context: ParseContext): Parsed {
  let id = '';
  try {
    if (message.body.length > LIMITS.messageBytes) {
      throw new Fault('too_large', '', `The message is larger than ${LIMITS.messageBytes} bytes: split it.`);
    }
    const form = bodyFormOf(contentTypeOf(message));
    if (form === 'protobuf') return fromProtobuf(message.body, expected, context, (read) => (id = read));
    const envelope = readEnvelope(message, form);
    id = idToReport(envelope.id);
    return recordOf(envelope, expected, context);
  } catch (thrown) {
    return { kind: 'rejection', rejection: rejectionOf(thrown, id, message) };
  }
}

function fromProtobuf(
  body: Uint8Array,
  expected: Expected,
  context: ParseContext,
  seeId: (id: string) => void,
): Parsed {
  if (expected === 'subscription') {
    return subscriptionFromProtobuf(decodeProtobuf(subscriptionPb.Subscription, body), context);
  }
  if (expected === 'outcome') {
    const outcome = decodeProtobuf(subscriptionPb.Outcome, body);
    seeId(idToReport(outcome.id));
    return outcomeFromProtobuf(outcome, context);
  }
  const signal = decodeProtobuf(signalPb.Signal, body);
  seeId(idToReport(signal.id));
  if (hasProtoAttribute(body)) {
    throw new Fault('bad_attributes', '__proto__', 'A signal can not hold `__proto__`: rename it.');
  }
  return signalFromProtobuf(signal, context);
}

function idToReport(id: unknown): string {
  return typeof id === 'string' && id.length <= LIMITS.idBytes ? id : '';
}

/** With the place of the defect in Perennial's code, and not its message: that may hold values. */
export function defectFault(thrown: unknown): Fault {
  const name = thrown instanceof Error ? thrown.name : typeof thrown;
  const place = /([\w.-]+\.[jt]s:\d+)/.exec((thrown instanceof Error && thrown.stack) || '')?.[1];
  const what = place === undefined ? name : `${name} at ${place}`;
  return new Fault(
    'internal_error',
    '',
    `Perennial failed to read this message (${what}): please report it as a defect.`,
  );
}

/**
 * A Rejection from whatever was thrown. What is no Fault is a defect of Perennial: it is kept as one, with the message,
 * rather than stopping the partition that holds the message for ever.
 */
function rejectionOf(thrown: unknown, id: string, message: Message): Rejection {
  const fault = thrown instanceof Fault ? thrown : defectFault(thrown);
  const headers = rereadHeaders(message.headers);
  return {
    reason: fault.reason,
    detail: fault.detail,
    field: fault.field,
    id,
    // Not the whole of an oversized message: the store's row has limits too, and it can't be fed back anyway.
    raw: message.body.subarray(0, LIMITS.messageBytes),
    ...(headers === undefined ? {} : { headers }),
  };
}
