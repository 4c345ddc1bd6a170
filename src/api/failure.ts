import { randomUUID } from 'node:crypto';
import { create, type DescMessage, type Message, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { anyPack, DurationSchema } from '@bufbuild/protobuf/wkt';
import { type ErrorCode, PerennialError } from '../core/errors.js';
import { Code } from '../gen/google/rpc/code_pb.js';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  QuotaFailureSchema,
  RequestInfoSchema,
  ResourceInfoSchema,
  RetryInfoSchema,
} from '../gen/google/rpc/error_details_pb.js';
import { type Status, StatusSchema } from '../gen/google/rpc/status_pb.js';
import type { Logger } from '../telemetry/log.js';

/** Status code of each error code. `docs/api.md` tells callers what to do about each. */
const CODE: Readonly<Record<ErrorCode, Code>> = {
  invalid_argument: Code.INVALID_ARGUMENT,
  not_found: Code.NOT_FOUND,
  invalid_file: Code.FAILED_PRECONDITION,
  limit_exceeded: Code.RESOURCE_EXHAUSTED,
  failed_precondition: Code.FAILED_PRECONDITION,
  unauthenticated: Code.UNAUTHENTICATED,
  permission_denied: Code.PERMISSION_DENIED,
  unavailable: Code.UNAVAILABLE,
  cancelled: Code.CANCELLED,
  internal: Code.INTERNAL,
};

/** How soon a caller should come again when nothing better is known. */
const COME_AGAIN_MS = 1_000;
/** Stacks of defects logged in a minute; more of them are counted. */
const LOGGED_IN_A_MINUTE = 20;
const MINUTE_MS = 60_000;

/** A detail of google.rpc that goes with a status. */
export interface Detail<D extends DescMessage = DescMessage> {
  readonly desc: D;
  readonly value: MessageInitShape<D>;
}

/** A failed call as every transport tells it. */
export interface Failure {
  readonly code: Code;
  readonly message: string;
  readonly details: readonly Detail[];
  /** What it was made of: the same for many calls where they are refused alike. */
  readonly error: PerennialError;
}

/**
 * Turns what was thrown into what the caller gets: code, message and hint, never the cause. Of a fault of Perennial's own the
 * caller gets no more than the request's id, under which the log has it; and the log is not filled by a defect that every call
 * hits.
 */
export class Failures {
  readonly #log: Logger;
  readonly #now: () => number;
  #minute = 0;
  #logged = 0;
  #left = 0;
  #storeAway = false;

  constructor(log: Logger, now: () => number = () => performance.now()) {
    this.#log = log;
    this.#now = now;
  }

  of(thrown: unknown, method: string, requestId: string = randomUUID()): Failure {
    const error = PerennialError.from(thrown);
    switch (error.code) {
      case 'internal':
      case 'invalid_file':
        this.#defect(error, method, requestId);
        return failureOf(
          new PerennialError(error.code, `Perennial failed; its log says why under ${requestId}.`, {
            reason: error.reason,
            hint: 'Give that id to those who run it.',
          }),
          requestId,
        );
      case 'unavailable':
        this.#unavailable(error, method, requestId);
        return failureOf(
          new PerennialError(
            'unavailable',
            `Perennial can't answer now; its log says why under ${requestId}.`,
            {
              reason: error.reason,
              hint: 'Try again, with growing pauses.',
              retryAfterMs: error.retryAfterMs ?? COME_AGAIN_MS,
            },
          ),
          requestId,
        );
      default:
        return failureOf(error, requestId);
    }
  }

  /** To be called when a call went well that asked the store: the next failure of it is news again. */
  answered(): void {
    if (!this.#storeAway) return;
    this.#storeAway = false;
    this.#log.info('Calls are answered again');
  }

  /** One line when it begins: the calls that come meanwhile say nothing that is not known. */
  #unavailable(error: PerennialError, method: string, requestId: string): void {
    const line = { error: error.message, cause: String(error.cause ?? ''), errorId: requestId, method };
    if (this.#storeAway) this.#log.debug(line, 'a call was unavailable');
    else this.#log.warn(line, 'Calls are unavailable: logged once, until one is answered');
    this.#storeAway = true;
  }

  #defect(error: PerennialError, method: string, requestId: string): void {
    const minute = Math.floor(this.#now() / MINUTE_MS);
    if (minute !== this.#minute) {
      if (this.#left > 0) this.#log.error({ calls: this.#left }, 'more calls failed than were logged');
      this.#minute = minute;
      this.#logged = 0;
      this.#left = 0;
    }
    if (this.#logged >= LOGGED_IN_A_MINUTE) {
      this.#left++;
      return;
    }
    this.#logged++;
    this.#log.error({ error, cause: error.cause, errorId: requestId, method }, 'a call failed');
  }
}

/**
 * How much of an error reaches the caller. All of it travels in the trailers of its call, for which clients take 8 KiB: more ends the
 * connection with all calls on it.
 */
const MESSAGE_BYTES = 1_024;
const HINT_BYTES = 512;
const FIELDS = 10;
const FIELD_BYTES = 96;
const DESCRIPTION_BYTES = 128;

/** An error as the contract tells it. The hint follows the message, so that a log at the caller's side has both. */
export function failureOf(error: PerennialError, requestId?: string): Failure {
  const { code, reason, retryAfterMs, retryable, subject } = error;
  const message = cut(error.message, MESSAGE_BYTES);
  const hint = error.hint === undefined ? undefined : cut(error.hint, HINT_BYTES);
  const fields = error.fields.slice(0, FIELDS);
  const details: Detail[] = [];
  const add = <D extends DescMessage>(desc: D, value: MessageInitShape<D>) => details.push({ desc, value });
  add(ErrorInfoSchema, {
    reason,
    domain: 'perennial',
    metadata: { retryable: String(retryable), ...(hint === undefined ? {} : { hint }) },
  });
  if (fields.length > 0)
    add(BadRequestSchema, {
      fieldViolations: fields.map(({ field, description }) => ({
        field: cut(field, FIELD_BYTES),
        description: cut(description, DESCRIPTION_BYTES),
        reason,
      })),
    });
  if (retryAfterMs !== undefined)
    add(RetryInfoSchema, {
      retryDelay: create(DurationSchema, {
        seconds: BigInt(Math.floor(retryAfterMs / 1_000)),
        nanos: Math.round(retryAfterMs % 1_000) * 1_000_000,
      }),
    });
  const name = cut(subject?.name ?? '', FIELD_BYTES);
  const description = cut(message, DESCRIPTION_BYTES);
  if (code === 'limit_exceeded')
    add(QuotaFailureSchema, {
      violations: [{ subject: subject === undefined ? '' : `${subject.type}:${name}`, description }],
    });
  else if (subject !== undefined)
    add(ResourceInfoSchema, { resourceType: subject.type, resourceName: name, description });
  if (requestId !== undefined) add(RequestInfoSchema, { requestId });
  return { code: CODE[code], message: hint === undefined ? message : `${message} ${hint}`, details, error };
}

/** The beginning of a text that is longer than so many bytes. */
function cut(text: string, bytes: number): string {
  if (text.length <= bytes && Buffer.byteLength(text) <= bytes) return text;
  // A letter that is cut in its middle is left out.
  return `${Buffer.from(text.slice(0, bytes))
    .subarray(0, bytes)
    .toString()
    .replace(/\uFFFD+$/, '')}…`;
}

/** As a google.rpc.Status: in the trailer of gRPC, and for one item of a batch. */
export function statusOf({ code, message, details }: Failure): Status {
  return create(StatusSchema, {
    code,
    message,
    details: packed(details),
  });
}

/** Bytes of a status but for what differs from call to call: a caller that is refused is refused by the hundred. */
const shared = new WeakMap<PerennialError, Uint8Array>();

export function statusBytes(failure: Failure): Buffer {
  const { error, details } = failure;
  const ofCall = details.filter(({ desc }) => desc === RequestInfoSchema);
  let same = shared.get(error);
  if (same === undefined) {
    const others = details.filter(({ desc }) => desc !== RequestInfoSchema);
    same = toBinary(StatusSchema, statusOf({ ...failure, details: others }));
    shared.set(error, same);
  }
  // Of a message in two parts the lists are joined.
  const rest = create(StatusSchema, { details: packed(ofCall) });
  return Buffer.concat([same, toBinary(StatusSchema, rest)]);
}

function packed(details: readonly Detail[]) {
  return details.map(({ desc, value }) => anyPack(desc, create(desc, value) as Message));
}
