import { TextBuilder, TimeBuilder } from '../columns/arrow-builder.js';
import type { Millis } from '../core/clock.js';
import { dateTime64 } from '../core/sql-time.js';
import type { Decision } from '../decisions/decision.js';
import { DECISION, type DecisionRow, decisionOf } from './decision-log.js';
import { column, type EncodedRows, encodeRows } from './encoded-rows.js';
import type { QueryParams, Store } from './store.js';

/** Decision states that are older count as published: the publication log forgets after 180 days. */
const PUBLISH_DAYS = 90;

/**
 * Decision states that no broker has acknowledged yet, the oldest first. `accounts` is a condition on account_id with its
 * parameters: those of one batch, or of the partitions that are ours.
 */
export async function readUnpublished(
  store: Store,
  accounts: { readonly sql: string; readonly params: QueryParams },
  now: Millis,
  limit: number,
): Promise<readonly Decision[]> {
  const rows = await store.rows<DecisionRow>(
    `SELECT ${DECISION} FROM (
       SELECT * FROM decision_log FINAL
       WHERE ${accounts.sql} AND computed_at > {since:DateTime64(3, 'UTC')}
         AND (decision_id, as_of) NOT IN (SELECT decision_id, as_of FROM publication_log WHERE ${accounts.sql})
       ORDER BY decision_log.as_of, decision_id LIMIT {limit:UInt32}
     ) AS d ORDER BY asOf, decisionId`,
    { ...accounts.params, since: dateTime64(now - PUBLISH_DAYS * 86_400_000), limit },
    { lane: 'batch' },
  );
  return rows.map(decisionOf);
}

/** Rows of `publication_log`. */
export function encodePublications(decisions: readonly Decision[], publishedAt: Millis): EncodedRows {
  return encodeRows<Decision>(
    'publication_log',
    [
      column('account_id', new TextBuilder(), (d: Decision) => d.accountId),
      column('decision_id', new TextBuilder(), (d: Decision) => d.decisionId),
      column('as_of', new TimeBuilder(), (d: Decision) => d.asOf),
      column('published_at', new TimeBuilder(), () => publishedAt),
    ],
    decisions,
  );
}
