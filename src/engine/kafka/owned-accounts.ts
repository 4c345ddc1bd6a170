import type { Millis } from '../../core/clock.js';
import { dateTime64 } from '../../core/sql-time.js';
import { NAMED_ACCOUNTS, pagesOfNamed } from '../../features/named-accounts.js';
import type { Scope } from '../../features/population.js';
import { partitionSql } from '../../kafka/partition-of.js';
import type { QueryParams, Store } from '../../store/store.js';
import { pagesOfAccounts } from '../pages.js';

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
 * nothing of each other.
 */
export function pagesOfOwned(store: Store, asOf: Millis, owned: Ownership): AsyncGenerator<Scope> {
  return owned.partitions.length === owned.of
    ? pagesOfAccounts(store, asOf)
    : pagesOfSome(store, asOf, owned);
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
      { lane: 'batch' },
    );
    if (rows.length === 0) return;
    yield* pagesOfNamed(rows.map(({ account }) => account));
    after = rows.at(-1)!.account;
  }
}
