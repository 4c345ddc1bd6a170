import { quoteText } from '../sql-quote.js';
import { readStatement } from './sql-text.js';

/** The same query, its answer written to a file in the format that it names, or else in this one. */
export function intoFile(
  sql: string,
  path: string,
  format: string,
  compression: string,
  mode: 'new' | 'append',
): string {
  const { clauseAt, end, format: named } = readStatement(sql);
  const append = mode === 'append' ? ' APPEND' : '';
  const target = `\nINTO OUTFILE ${quoteText(path)}${append} COMPRESSION '${compression}'\n`;
  const last = named === undefined ? `\nFORMAT ${format}` : '';
  return `${sql.slice(0, clauseAt)}${target}${sql.slice(clauseAt, end)}${last}`;
}
