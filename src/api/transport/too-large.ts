import { PerennialError } from '../../core/errors.js';
import { LIMITS } from '../../core/limits.js';
import { failureOf } from '../failure.js';

/** What a caller gets whose request the library below did not take. */
export const TOO_LARGE = failureOf(
  new PerennialError(
    'limit_exceeded',
    `The request is larger than ${LIMITS.requestBytes.toLocaleString('en-US')} bytes.`,
    { reason: 'REQUEST_TOO_LARGE', hint: 'Ask for less with each, or send it in several.' },
  ),
);
