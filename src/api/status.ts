import { randomUUID } from 'node:crypto';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { Metadata, status } from '@grpc/grpc-js';
import { type ErrorCode, PerennialError } from '../core/errors.js';
import type { Logger } from '../telemetry/log.js';

/** Status code of each error code. `docs/api.md` tells callers what to do about each. */
const STATUS: Readonly<Record<ErrorCode, status>> = {
  invalid_argument: status.INVALID_ARGUMENT,
  not_found: status.NOT_FOUND,
  invalid_file: status.FAILED_PRECONDITION,
  limit_exceeded: status.RESOURCE_EXHAUSTED,
  failed_precondition: status.FAILED_PRECONDITION,
  permission_denied: status.PERMISSION_DENIED,
  unavailable: status.UNAVAILABLE,
  cancelled: status.CANCELLED,
  internal: status.INTERNAL,
};

/** Errors that speak of Perennial's own parts: the caller gets the id of a log line, the operator that line. */
const OWN_FAULT: ReadonlySet<ErrorCode> = new Set(['unavailable', 'internal', 'invalid_file']);

/** A failed call as it goes over the wire. */
export interface Failure {
  readonly code: status;
  readonly details: string;
  readonly metadata: Metadata;
}

/**
 * What a caller is told of an error: code, message and hint, never the cause. The hint follows the message, so that a log
 * at the caller's side has both, and stands on its own in a `google.rpc.ErrorInfo`. Of a fault of Perennial's own the
 * caller learns no more than the id under which the log has it.
 */
export function failureOf(thrown: unknown, method: string, log: Logger): Failure {
  const error = PerennialError.from(thrown);
  if (!OWN_FAULT.has(error.code)) return failure(error);
  const errorId = randomUUID();
  log.error({ error, cause: error.cause, errorId, method }, 'a call failed');
  const told =
    error.code === 'unavailable'
      ? new PerennialError('unavailable', `Perennial can't answer now; its log says why under ${errorId}.`, {
          hint: 'Try again, with growing pauses.',
        })
      : new PerennialError(error.code, `Perennial failed; its log says why under ${errorId}.`, {
          hint: 'Give that id to whoever runs it.',
        });
  return failure(told);
}

function failure({ code, message, hint, retryable }: PerennialError): Failure {
  const metadata = new Metadata();
  const info: Record<string, string> = { retryable: String(retryable) };
  if (hint !== undefined) info.hint = hint;
  const details = hint === undefined ? message : `${message} ${hint}`;
  metadata.set('grpc-status-details-bin', richStatus(STATUS[code], details, code.toUpperCase(), info));
  return { code: STATUS[code], details, metadata };
}

const ERROR_INFO = 'type.googleapis.com/google.rpc.ErrorInfo';
/** Field numbers of google.rpc.Status, google.protobuf.Any and google.rpc.ErrorInfo, as tags. */
const INT = 0;
const BYTES = 2;
const tag = (field: number, wire: number): number => (field << 3) | wire;

/** A google.rpc.Status with one google.rpc.ErrorInfo: what gRPC libraries of other languages decode by themselves. */
function richStatus(code: status, message: string, reason: string, info: Record<string, string>): Buffer {
  const errorInfo = new BinaryWriter()
    .uint32(tag(1, BYTES))
    .string(reason)
    .uint32(tag(2, BYTES))
    .string('perennial');
  for (const [key, value] of Object.entries(info)) {
    errorInfo
      .uint32(tag(3, BYTES))
      .fork()
      .uint32(tag(1, BYTES))
      .string(key)
      .uint32(tag(2, BYTES))
      .string(value)
      .join();
  }
  const bytes = new BinaryWriter()
    .uint32(tag(1, INT))
    .int32(code)
    .uint32(tag(2, BYTES))
    .string(message)
    .uint32(tag(3, BYTES))
    .fork()
    .uint32(tag(1, BYTES))
    .string(ERROR_INFO)
    .uint32(tag(2, BYTES))
    .bytes(errorInfo.finish())
    .join()
    .finish();
  return Buffer.from(bytes);
}
