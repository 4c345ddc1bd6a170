import type { Millis } from '../core/clock.js';
import { dateTime64 } from '../core/sql-time.js';
import { type Scope, scopeSql } from '../features/population.js';
import { type FeatureBatch, readFeatures } from '../features/read-features.js';
import type { Scoring } from '../scoring/load.js';
import type { Store } from '../store/store.js';

/** The features of a scope as of a time. `knownAt`: only what had arrived by then counts. */
export function featuresAt(
  store: Store,
  scoring: Scoring,
  asOf: Millis,
  knownAt?: Millis,
): (scope: Scope) => AsyncIterable<FeatureBatch> {
  const known = knownAt === undefined ? {} : { knownAt };
  return (scope) => readFeatures(store, scoring.catalogue, { scope, asOf, ...known });
}

/** Cuts a scope into two halves of about as many accounts; undefined when it is one account or none. */
export function halving(
  store: Store,
  asOf: Millis,
): (scope: Scope) => Promise<readonly [Scope, Scope] | undefined> {
  return async (scope) => {
    if (scope.kind === 'accounts') {
      const { accounts } = scope;
      if (accounts.length < 2) return undefined;
      const middle = accounts.length >>> 1;
      return [
        { kind: 'accounts', accounts: accounts.slice(0, middle) },
        { kind: 'accounts', accounts: accounts.slice(middle) },
      ];
    }
    const { sql, params } = scopeSql(scope);
    const rows = await store.rows<{ account: string }>(
      `SELECT account_id AS account FROM accounts
       WHERE ${sql} AND first_seen_at <= {as_of:DateTime64(3, 'UTC')} GROUP BY account_id ORDER BY account_id`,
      { ...params, as_of: dateTime64(asOf) },
      { lane: 'batch' },
    );
    const { first, last } = scope;
    if (rows.length === 0) return undefined;
    // A range of one account is named, so that the failure can say whose it is.
    if (rows.length === 1) return [{ kind: 'accounts', accounts: [rows[0]!.account] }, NOBODY];
    const middle = rows.length >>> 1;
    return [
      { kind: 'range', first, last: rows[middle - 1]!.account },
      { kind: 'range', first: rows[middle]!.account, last },
    ];
  };
}

const NOBODY: Scope = { kind: 'accounts', accounts: [] };
