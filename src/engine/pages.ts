import type { Millis } from '../core/clock.js';
import { dateTime64 } from '../core/sql-time.js';
import type { Scope } from '../features/population.js';
import type { Store } from '../store/store.js';

/** Accounts whose subscriptions are scored together: enough to keep the engine busy, few enough to keep memory flat. */
const PAGE_ACCOUNTS = 50_000;

/** All accounts known by a time, as ranges of names in order, so that each page reads its own stretch of the signals. */
export async function* pagesOfAccounts(
  store: Store,
  asOf: Millis,
  size = PAGE_ACCOUNTS,
): AsyncGenerator<Scope> {
  let after: string | null = null;
  for (;;) {
    const rows: { first: string; last: string; accounts: number }[] = await store.rows(
      `SELECT min(account_id) AS first, max(account_id) AS last, count() AS accounts FROM (
         SELECT account_id FROM accounts
         WHERE first_seen_at <= {as_of:DateTime64(3, 'UTC')} ${after === null ? '' : 'AND account_id > {after:String}'}
         GROUP BY account_id ORDER BY account_id LIMIT {size:UInt32}
       )`,
      { as_of: dateTime64(asOf), size, ...(after === null ? {} : { after }) },
      { lane: 'batch' },
    );
    const { first, last, accounts } = rows[0]!;
    if (accounts === 0) return;
    yield { kind: 'range', first, last, count: accounts };
    if (accounts < size) return;
    after = last;
  }
}
