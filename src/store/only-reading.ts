import { PerennialError } from '../core/errors.js';

/** The refusal of `Store.readOnly`. */
export function onlyReading(cause?: unknown): PerennialError {
  return new PerennialError('invalid_argument', 'Only a query that reads is run here.', {
    hint: 'It is one SELECT, SHOW, DESCRIBE, EXPLAIN or EXISTS, without INTO OUTFILE.',
    cause,
  });
}
