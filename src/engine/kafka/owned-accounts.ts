import type { Millis } from '../../core/clock.js';
import { PerennialError } from '../../core/errors.js';
import { dateTime64 } from '../../core/sql-time.js';
import type { Scope } from '../../features/population.js';
import { partitionSql } from '../../kafka/partition-of.js';
import type { QueryParams, Store } from '../../store/store.js';
import { NAMED_ACCOUNTS, pagesOfAccounts, pagesOfNamed } from '../pages.js';

/** The partitions of `perennial.touched` that are ours, of so many. */
export interface Ownership {
  readonly partitions: readonly number[];
  readonly of: number;
}

/** The accounts of some partitions as a condition on account_id: ClickHouse computes the partition as Kafka does. */
export function ownedSql(owned: Ownership): { sql: string; params: QueryParams } {
  return {
    sql: `${partitionSql('account_id', '{of:UInt32}')} IN {partitions:Array(UInt32)}`,
    params: { of: owned.of, partitions: owned.partitions },
  };
}

/**
 * The accounts of the partitions that are ours, in pages: how a rescore of everyone is split between scorers that know
 * nothing of each other. `stillOurs` is asked before each page and after the last one; when a rebalance has changed
 * what is ours, the pages fail with `cancelled`, and with them the pass, before it decides anything.
 */
export async function* pagesOfOwned(
  store: Store,
  asOf: Millis,
  owned: Ownership,
  stillOurs: () => boolean,
): AsyncGenerator<Scope> {
  const pages =
    owned.partitions.length === owned.of ? pagesOfAccounts(store, asOf) : pagesOfSome(store, asOf, owned);
  for (;;) {
    const { value, done } = await pages.next();
    if (!stillOurs())
      throw new PerennialError('cancelled', 'The partitions changed hands; their new owner rescores them.');
    if (done === true) return;
    yield value;
  }
}

/** Named one by one, since a partition's accounts are scattered over all names. */
async function* pagesOfSome(store: Store, asOf: Millis, owned: Ownership): AsyncGenerator<Scope> {
  const { sql, params } = ownedSql(owned);
  let after = '';
  for (;;) {
    const rows: { account: string }[] = await store.rows(
      `SELECT account_id AS account FROM accounts
       WHERE first_seen_at <= {as_of:DateTime64(3, 'UTC')} AND account_id > {after:String} AND ${sql}
       GROUP BY account_id ORDER BY account_id LIMIT {size:UInt32}`,
      { ...params, as_of: dateTime64(asOf), after, size: NAMED_ACCOUNTS },
      'batch',
    );
    if (rows.length === 0) return;
    yield* pagesOfNamed(rows.map(({ account }) => account));
    after = rows.at(-1)!.account;
  }
}
