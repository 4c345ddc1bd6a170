/**
 * The one error type for everything a person can cause or act on.
 *
 * It carries a stable `code`, a `message` that says what is wrong, a `hint` that says what to do, and whether trying
 * again can help. `cause` is for logs and never reaches the wire. Each edge (gRPC, command line, HTTP) translates
 * `code` once: see `api/status.ts` and `cli/exit-codes.ts`.
 */
export type ErrorCode =
  /** The caller's arguments are wrong. */
  | 'invalid_argument'
  /** What was asked for does not exist. */
  | 'not_found'
  /** A file of rules, scoring, mappings or settings is wrong. */
  | 'invalid_file'
  /** A size limit was passed. */
  | 'limit_exceeded'
  /** Something is in a state that does not allow this, such as a data directory that another process holds. */
  | 'failed_precondition'
  /** Nobody knows who the caller is: no credentials, or wrong, expired or revoked ones. */
  | 'unauthenticated'
  /** The caller is known and may not do this. */
  | 'permission_denied'
  /** A store, broker or network does not answer now. */
  | 'unavailable'
  /** The caller went away or asked to stop. */
  | 'cancelled'
  /** A defect of Perennial itself. */
  | 'internal';

/** A field of a request or flag of a command that is wrong. */
export interface FieldFault {
  /** Path from the request, such as "filter.bands[0]". */
  readonly field: string;
  /** What is wrong with it, in a sentence. */
  readonly description: string;
}

export interface ErrorDetails {
  /** What the person should do. */
  readonly hint?: string;
  /** Whether the same call can succeed later. @default true for `unavailable`, else false */
  readonly retryable?: boolean;
  readonly cause?: unknown;
  /** Stable name of this very kind of error for programs, such as "TOKEN_EXPIRED". @default the code in capitals */
  readonly reason?: string;
  /** The fields at fault. */
  readonly fields?: readonly FieldFault[];
  /** When trying again makes sense, in milliseconds from now. */
  readonly retryAfterMs?: number;
  /** What the error is about, where it has a name: what was not found, whose limit was passed. */
  readonly subject?: { readonly type: string; readonly name: string };
}

export class PerennialError extends Error {
  override readonly name = 'PerennialError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly retryable: boolean;
  readonly reason: string;
  readonly fields: readonly FieldFault[];
  readonly retryAfterMs: number | undefined;
  readonly subject: ErrorDetails['subject'];

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
    this.retryable = details.retryable ?? code === 'unavailable';
    this.reason = details.reason ?? code.toUpperCase();
    this.fields = details.fields ?? [];
    this.retryAfterMs = details.retryAfterMs;
    this.subject = details.subject;
  }

  /**
   * Turns whatever was thrown into a PerennialError, so that every catch block is total: a PerennialError stays itself,
   * an AbortError becomes `cancelled`, anything else `internal` with the original as cause.
   */
  static from(thrown: unknown): PerennialError {
    if (thrown instanceof PerennialError) return thrown;
    if (thrown instanceof Error && thrown.name === 'AbortError') {
      return new PerennialError('cancelled', 'The work was cancelled.', { cause: thrown });
    }
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new PerennialError('internal', message, { cause: thrown });
  }
}
