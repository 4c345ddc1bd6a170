import { PerennialError } from '../core/errors.js';
import { readStatement } from './http-server/sql-text.js';

/** The empty one: a parenthesis, in which only a SELECT can stand. */
const READING = new Set(['', 'SELECT', 'WITH', 'FROM', 'SHOW', 'DESCRIBE', 'DESC', 'EXPLAIN', 'EXISTS']);

/**
 * Throws `invalid_argument` unless the text is one statement of a kind that only reads. The engine's own `readonly` is the
 * lock on data; it lets pass SYSTEM statements and INTO OUTFILE, which this does not.
 */
export function requireReading(sql: string): void {
  const { firstWord, touchesFiles, several } = readStatement(sql);
  if (READING.has(firstWord) && !touchesFiles && !several) return;
  throw new PerennialError('invalid_argument', 'Only a query that reads is run here.', {
    hint: several
      ? 'Give one statement at a time.'
      : 'It is one SELECT, SHOW, DESCRIBE, EXPLAIN or EXISTS, without INTO OUTFILE.',
  });
}
