import { quoteText } from '../sql-quote.js';

export interface OwnKill {
  readonly queryId: string;
  /** Of the answer, where the statement names one. */
  readonly format: string | undefined;
}

/**
 * What `KILL QUERY WHERE query_id = '...'` names, as drivers write it when a person presses stop. Undefined for every other
 * statement.
 */
export function ownKill(sql: string): OwnKill | undefined {
  const form =
    /^\s*KILL\s+QUERY\s+WHERE\s+query_id\s*=\s*'([^'\\]{1,256})'\s*(?:SYNC|ASYNC)?\s*(?:FORMAT\s+(\w+))?\s*;?\s*$/i;
  const [, queryId, format] = form.exec(sql) ?? [];
  return queryId === undefined ? undefined : { queryId, format };
}

/** A question that answers as the KILL does: a row for the query that is stopped, none when there is none of that id. */
export function killAnswer({ queryId, format }: OwnKill, user: string | undefined): string {
  return `SELECT 'waiting' AS kill_status, ${quoteText(queryId)} AS query_id, ${quoteText(user ?? '')} AS user, '' AS query
    FROM numbers(${user === undefined ? 0 : 1})${format === undefined ? '' : ` FORMAT ${format}`}`;
}
