import { TextBuilder, TimeBuilder } from '../columns/arrow-builder.js';
import { DAY_MS, type Millis } from '../core/clock.js';
import { dateTime64 } from '../core/sql-time.js';
import { column, encodeRows, insertRows } from './encoded-rows.js';
import type { Store } from './store.js';

/** An account that can't be scored, since when it was last tried, and why. */
export interface ScoringFailure {
  readonly accountId: string;
  readonly failedAt: Millis;
  readonly reason: string;
}

/** It is tried again far more often: what failed longer ago is nobody's any more, such as that of an account that ended. */
const TRIED_WITHIN: Millis = 2 * DAY_MS;

export async function recordScoringFailures(
  store: Store,
  failures: readonly ScoringFailure[],
): Promise<void> {
  type Row = ScoringFailure;
  await insertRows(
    store,
    encodeRows<Row>(
      'scoring_failures',
      [
        column('account_id', new TextBuilder(), ({ accountId }: Row) => accountId),
        column('failed_at', new TimeBuilder(), ({ failedAt }: Row) => failedAt),
        column('reason', new TextBuilder(), ({ reason }: Row) => reason),
      ],
      failures,
    ),
  );
}

/** Accounts that failed and have not been scored since, those of today first. */
export async function readScoringFailures(
  store: Store,
  now: Millis,
): Promise<{ readonly accounts: number; readonly first: readonly ScoringFailure[] }> {
  const failing = `FROM (SELECT * FROM scoring_failures FINAL) AS f
    LEFT JOIN (SELECT account_id, max(as_of) AS scored_at FROM risk_state
      WHERE account_id IN (SELECT account_id FROM scoring_failures) GROUP BY account_id) AS r ON r.account_id = f.account_id
    WHERE f.failed_at > {since:DateTime64(3, 'UTC')} AND f.failed_at > r.scored_at`;
  const params = { since: dateTime64(now - TRIED_WITHIN) };
  const [count] = await store.rows<{ accounts: number }>(`SELECT count() AS accounts ${failing}`, params);
  const first = await store.rows<ScoringFailure>(
    `SELECT f.account_id AS accountId, toUnixTimestamp64Milli(f.failed_at) AS failedAt, f.reason AS reason ${failing}
     ORDER BY failedAt DESC, accountId LIMIT 5`,
    params,
  );
  return { accounts: count?.accounts ?? 0, first };
}
