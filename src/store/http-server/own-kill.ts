import { quoteText } from '../sql-quote.js';

/**
 * The query id in `KILL QUERY WHERE query_id = '...'`, as drivers write it when a person presses stop. Undefined for every other
 * statement.
 */
export function ownKill(sql: string): string | undefined {
  const form = /^\s*KILL\s+QUERY\s+WHERE\s+query_id\s*=\s*'([^'\\]{1,256})'\s*(?:SYNC|ASYNC)?\s*;?\s*$/i;
  return form.exec(sql)?.[1];
}

/** A question that answers as the KILL does: a row for the query that is stopped, none when there is none of that id. */
export function killAnswer(queryId: string, user: string | undefined): string {
  return `SELECT 'waiting' AS kill_status, ${quoteText(queryId)} AS query_id, ${quoteText(user ?? '')} AS user, '' AS query
    FROM numbers(${user === undefined ? 0 : 1})`;
}
