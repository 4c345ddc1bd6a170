import { PerennialError } from '../core/errors.js';

/** The refusal of `Store.stream`. */
export function onlyReading(cause?: unknown): PerennialError {
  return new PerennialError('invalid_argument', 'Only a query that reads is run here.', {
    reason: 'QUERY_READS_ONLY',
    fields: [{ field: 'sql', description: 'is not one query that only reads' }],
    hint: 'It is one SELECT, SHOW, DESCRIBE, EXPLAIN or EXISTS, without INTO OUTFILE.',
    cause,
  });
}

/** The engine was given where the rows go behind the query: a complaint about that means that the query itself was over too early. */
const OUR_TARGET = /\bOUTFILE '/;

/** What the engine finds wrong with a query that a person wrote is the query's fault, not a defect of ours. */
export function wrongQuery(thrown: unknown): PerennialError {
  const error = PerennialError.from(thrown);
  if (error.code === 'permission_denied')
    return new PerennialError('permission_denied', `The query may not do that: ${error.message}`, {
      reason: 'QUERY_DENIED',
      hint: 'A query reads tables and views; no files, addresses or other servers.',
      cause: thrown,
    });
  if (error.code !== 'internal') return error;
  const message = OUR_TARGET.test(error.message)
    ? 'ClickHouse: Syntax error: this is no whole query.'
    : error.message;
  return new PerennialError('invalid_argument', message, {
    reason: 'QUERY_INVALID',
    fields: [{ field: 'sql', description: 'is refused by ClickHouse' }],
    cause: thrown,
  });
}
