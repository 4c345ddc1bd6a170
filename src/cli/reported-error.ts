import type { PerennialError } from '../core/errors.js';

/** What ended a command and is in its log already: only the exit code is left to say. */
export class ReportedError extends Error {
  override readonly name = 'ReportedError';
  readonly error: PerennialError;

  constructor(error: PerennialError) {
    super(error.message, { cause: error });
    this.error = error;
  }
}
