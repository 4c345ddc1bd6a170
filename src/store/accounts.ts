import { chunksOf } from '../core/chunks.js';
import type { Store } from './store.js';

/**
 * Notes of which of these accounts nothing is left, so that they are no customers any more: no signal and no subscription holds.
 * An account comes back with the next record that it gets.
 */
export async function markEmptied(store: Store, accounts: readonly string[]): Promise<void> {
  for (const some of chunksOf(accounts, ACCOUNTS)) await store.command(MARK, { accounts: some });
}

const ACCOUNTS = 5_000;

/** first_seen_at is a minimum: the year 2299 leaves it as it is. */
const MARK = `INSERT INTO accounts (account_id, first_seen_at, emptied_at)
  SELECT account, toDateTime64('2299-12-31 00:00:00', 3, 'UTC'), now64(6)
  FROM (SELECT arrayJoin({accounts:Array(String)}) AS account)
  WHERE account NOT IN (SELECT account_id FROM signal_log FINAL WHERE account_id IN {accounts:Array(String)} AND _ended = ''
      SETTINGS do_not_merge_across_partitions_select_final = 1)
    AND account NOT IN (SELECT account_id FROM subscription_log FINAL WHERE account_id IN {accounts:Array(String)} AND _ended = '')`;
