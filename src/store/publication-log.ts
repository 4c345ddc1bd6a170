import { IntegerBuilder, TextBuilder, TimeBuilder } from '../columns/arrow-builder.js';
import type { Millis } from '../core/clock.js';
import { dateTime64 } from '../core/sql-time.js';
import type { DecisionEvent } from '../decisions/decision.js';
import { type DecisionRow, eventOf, SELECT_EVENT } from './decision-table.js';
import { column, type EncodedRows, encodeRows } from './encoded-rows.js';
import type { QueryParams, Store } from './store.js';

/** Events that are older count as published: the publication log forgets after 180 days. */
const PUBLISH_DAYS = 90;

/** Events that say only that a condition changed: nothing is to be done yet, so they are not published. */
const UNPUBLISHED = "('condition_false', 'condition_true')";

export function isPublished({ event }: DecisionEvent): boolean {
  return event !== 'condition_false' && event !== 'condition_true';
}

/**
 * Events of decisions that no broker has acknowledged yet, in the order in which they happened to each decision. `accounts` is a
 * condition on account_id with its parameters. It looks through everything of these accounts: for a scorer that takes them over.
 */
export async function readUnpublished(
  store: Store,
  accounts: { readonly sql: string; readonly params: QueryParams },
  now: Millis,
  limit: number,
): Promise<readonly DecisionEvent[]> {
  const rows = await store.rows<DecisionRow>(
    `SELECT ${SELECT_EVENT} FROM (
       SELECT * FROM decision_event_log FINAL
       WHERE ${accounts.sql} AND event NOT IN ${UNPUBLISHED} AND stored_at > {since:DateTime64(3, 'UTC')} AND actor != 'migration'
         AND (decision_id, version) NOT IN (SELECT decision_id, version FROM event_publication_log WHERE ${accounts.sql})
       ORDER BY stored_at, decision_id, version LIMIT {limit:UInt32}
     ) AS d ORDER BY d.stored_at, d.decision_id, d.version`,
    { ...accounts.params, since: dateTime64(now - PUBLISH_DAYS * 86_400_000), limit },
    { lane: 'batch' },
  );
  return rows.map(eventOf);
}

/** Rows of `event_publication_log`. */
export function encodePublications(events: readonly DecisionEvent[], publishedAt: Millis): EncodedRows {
  return encodeRows<DecisionEvent>(
    'event_publication_log',
    [
      column('account_id', new TextBuilder(), ({ decision }: DecisionEvent) => decision.accountId),
      column('decision_id', new TextBuilder(), ({ decision }: DecisionEvent) => decision.decisionId),
      column('version', new IntegerBuilder(), ({ decision }: DecisionEvent) => decision.version),
      column('published_at', new TimeBuilder(), () => publishedAt),
    ],
    events,
  );
}
