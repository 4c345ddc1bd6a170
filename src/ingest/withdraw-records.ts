import type { Millis } from '../core/clock.js';
import { markEmptied } from '../store/accounts.js';
import { endVersions } from '../store/end-versions.js';
import { movedOf, settleMoves } from '../store/moved-subscriptions.js';
import { OUTCOMES } from '../store/outcome-log.js';
import type { RecordTable } from '../store/record-table.js';
import { SIGNALS } from '../store/signal-log.js';
import type { QueryParams, Store } from '../store/store.js';
import { SUBSCRIPTIONS } from '../store/subscription-log.js';
import { alone } from './alone.js';

const TABLES = [SIGNALS, SUBSCRIPTIONS, OUTCOMES] as unknown as readonly RecordTable<never>[];

export interface Withdrawn {
  readonly records: number;
  readonly accounts: ReadonlySet<string>;
}

export const NONE_WITHDRAWN: Withdrawn = { records: 0, accounts: new Set() };

/** Takes out, for a load, the records that hold and for which a condition does. */
export async function withdrawRecords(
  store: Store,
  conditionOf: (of: RecordTable<never>) => string,
  params: QueryParams,
  { by, now }: { readonly by: string; readonly now: Millis },
): Promise<Withdrawn> {
  return alone(store, async () => {
    let taken = 0;
    const accounts = new Set<string>();
    for (const of of TABLES) {
      const where = conditionOf(of);
      const rows = await store.rows<{ account: string; records: number }>(
        `SELECT account_id AS account, count() AS records FROM ${of.table} FINAL WHERE ${where} AND _ended = '' GROUP BY account_id`,
        params,
        { lane: 'write' },
      );
      if (rows.length === 0) continue;
      for (const { account, records } of rows) {
        accounts.add(account);
        taken += records;
      }
      await endVersions(store, of, where, params, { ended: 'withdrawn', by, now });
    }
    await settleMoves(store, await movedOf(store, [...accounts]));
    await markEmptied(store, [...accounts]);
    return { records: taken, accounts };
  });
}
