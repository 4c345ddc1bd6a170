import { TextBuilder, TimeBuilder } from '../columns/arrow-builder.js';
import type { Millis } from '../core/clock.js';
import { dateTime64 } from '../core/sql-time.js';
import { column, encodeRows, insertRows } from './encoded-rows.js';
import type { Store } from './store.js';

/** Says of accounts that a pass as of a time has decided them. To be called once all of it is stored. */
export async function recordDecided(store: Store, accounts: readonly string[], asOf: Millis): Promise<void> {
  await insertRows(
    store,
    encodeRows<string>(
      'decided_accounts',
      [
        column('account_id', new TextBuilder(), (account: string) => account),
        column('as_of', new TimeBuilder(), () => asOf),
      ],
      accounts,
    ),
  );
}

/** When the latest pass that decided an account was; 0: for a day there was none. */
export async function lastDecided(store: Store, account: string): Promise<Millis> {
  const [row] = await store.rows<{ at: Millis }>(
    `SELECT toUnixTimestamp64Milli(max(as_of)) AS at FROM decided_accounts WHERE account_id = {account:String}`,
    { account },
  );
  return row!.at;
}

/** Whether a pass as of this time or later has decided an account, as far as a caller waited for it. */
export async function isDecided(store: Store, account: string, since: Millis): Promise<boolean> {
  const [row] = await store.rows<{ decided: number }>(
    `SELECT count() AS decided FROM decided_accounts WHERE account_id = {account:String} AND as_of >= {since:DateTime64(3, 'UTC')}`,
    { account, since: dateTime64(since) },
  );
  return row!.decided > 0;
}
