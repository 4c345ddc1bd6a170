import type { ErrorCode } from '../core/errors.js';

/** Exit codes of `perennial`. They are part of its contract: scripts and CI rely on them. */
export const EXIT = {
  /** All went well. */
  ok: 0,
  /** A defect of Perennial, or something nobody foresaw. */
  internal: 1,
  /** Wrong arguments or settings. */
  usage: 2,
  /** A file of rules, scoring or mappings was checked and found wrong; or `doctor` found a problem. */
  check: 3,
  /** Rule tests failed. */
  tests: 4,
  /** A store, broker or port can't be reached or is held by another process. */
  unavailable: 5,
  /** What was asked for does not exist. */
  notFound: 6,
  /** Some input rows were rejected, steps refused, or accounts not scored; all others were done. */
  rejected: 7,
  /** Interrupted by SIGINT before the work was done. */
  interrupted: 130,
} as const;

const BY_CODE: Record<ErrorCode, number> = {
  invalid_argument: EXIT.usage,
  not_found: EXIT.notFound,
  invalid_file: EXIT.check,
  limit_exceeded: EXIT.usage,
  failed_precondition: EXIT.unavailable,
  unauthenticated: EXIT.usage,
  permission_denied: EXIT.usage,
  unavailable: EXIT.unavailable,
  cancelled: EXIT.interrupted,
  internal: EXIT.internal,
};

export function exitCodeOf(code: ErrorCode): number {
  return BY_CODE[code];
}
