import { PerennialError } from '../core/errors.js';

/** The refusal of `Store.stream`. */
export function onlyReading(cause?: unknown): PerennialError {
  return new PerennialError('invalid_argument', 'Only a query that reads is run here.', {
    hint: 'It is one SELECT, SHOW, DESCRIBE, EXPLAIN or EXISTS, without INTO OUTFILE.',
    cause,
  });
}

/** What the engine finds wrong with a query that a person wrote is the query's fault, not a defect of ours. */
export function wrongQuery(thrown: unknown): PerennialError {
  const error = PerennialError.from(thrown);
  if (error.code !== 'internal') return error;
  return new PerennialError('invalid_argument', error.message, { cause: thrown });
}
