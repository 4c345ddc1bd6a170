import type { Millis } from '../core/clock.js';
import { dateTime64 } from '../core/sql-time.js';
import type { Scope } from '../features/population.js';
import type { Store } from '../store/store.js';

/** Accounts whose subscriptions are scored together: enough to keep the engine busy, few enough to keep memory flat. */
export const PAGE_ACCOUNTS = 50_000;

/** Accounts that one query names: their ids travel in its URL, where a server takes a mebibyte. */
export const NAMED_ACCOUNTS = 5_000;
const NAMED_BYTES = 262_144;

/** These accounts, as scopes that name as many as one query can. */
export function* pagesOfNamed(accounts: Iterable<string>): Generator<NamedAccounts> {
  let page: string[] = [];
  let bytes = 0;
  for (const account of accounts) {
    const size = Buffer.byteLength(account);
    if (page.length === NAMED_ACCOUNTS || (page.length > 0 && bytes + size > NAMED_BYTES)) {
      yield { kind: 'accounts', accounts: page };
      page = [];
      bytes = 0;
    }
    page.push(account);
    bytes += size;
  }
  if (page.length > 0) yield { kind: 'accounts', accounts: page };
}

export type NamedAccounts = Extract<Scope, { kind: 'accounts' }>;

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
