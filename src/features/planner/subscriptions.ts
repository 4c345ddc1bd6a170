import type { Millis } from '../../core/clock.js';
import { dateTime64 } from '../../core/sql-time.js';
import { heldAt } from '../held.js';
import { AS_OF, heldSql, observedSql, populationSql, scopeSql } from '../population.js';
import type { ObservationsQuestion, Observed, PresentQuestion, Query } from '../question.js';

/** The subscriptions that a question is about, as the branches of its query see them. */
export interface Subscriptions {
  /** A condition on `account_id` of every table that is read. */
  readonly scope: string;
  /**
   * The same for reading signals, which are joined to the subscriptions anyway: over a range of accounts the index does, since
   * comparing the account of every signal would take as long as all else that is done with it.
   */
  readonly hint: string;
  /** One row a subscription and time, numbered by `sub_no`, with the contract; the query calls it `population`. */
  readonly sql: string;
  /** The same for a branch: identity, and these fields of the contract. */
  readonly narrow: (fields: readonly string[]) => string;
  /** The time in question in milliseconds; null: each row has its own, `p.as_of_ms`. */
  readonly asOfMs: string | null;
  readonly earliest: string;
  readonly latest: string;
  /** Which versions of signals and outcomes count: those that hold now, or held at the time in question. */
  readonly held: string;
  readonly params: Query['params'];
}

/** Everyone in a scope who runs as of one time. */
export function presentSubscriptions({ scope, asOf, knownAt }: PresentQuestion): Subscriptions {
  const { sql: scoped, params } = scopeSql(scope);
  const sql = populationSql(scoped, knownAt !== undefined);
  return {
    scope: scoped,
    hint: scope.kind === 'range' ? `indexHint(${scoped})` : scoped,
    sql,
    narrow: (fields) =>
      `SELECT ${['account_id', 'subscription_id', 'implicit', 'sub_no', ...fields].join(', ')} FROM population`,
    asOfMs: '{as_of_ms:Int64}',
    earliest: AS_OF,
    latest: AS_OF,
    held: heldSql(knownAt !== undefined),
    params: {
      ...params,
      as_of: dateTime64(asOf),
      as_of_ms: asOf,
      ...(knownAt === undefined ? {} : { known_at: dateTime64(knownAt) }),
    },
  };
}

/** Given subscriptions, each as of its own time, with what had arrived by then. */
export function observedSubscriptions({ observations }: ObservationsQuestion): Subscriptions {
  const times = [...new Set(observations.map(({ asOf }) => asOf))].sort((a, b) => a - b);
  const places = new Map(times.map((time, place) => [time, place]));
  const accounts = [...new Set(observations.map(({ accountId }) => accountId))];
  const scope = 'account_id >= {first:String} AND account_id <= {last:String}';
  return {
    scope: `${scope} AND account_id IN {accounts:Array(String)}`,
    hint: `indexHint(${scope})`,
    sql: observedSql(`${scope} AND account_id IN {accounts:Array(String)}`),
    narrow: (fields) =>
      `SELECT ${['account_id', 'subscription_id', 'implicit', 'sub_no', 'toUnixTimestamp64Milli(as_of) AS as_of_ms', 'as_of', ...fields].join(', ')} FROM population`,
    asOfMs: null,
    earliest: "{earliest:DateTime64(3, 'UTC')}",
    latest: "{latest:DateTime64(3, 'UTC')}",
    held: heldAt('p.as_of'),
    params: {
      accounts,
      first: accounts[0]!,
      last: accounts.at(-1)!,
      earliest: dateTime64(times[0]!),
      latest: dateTime64(times.at(-1)!),
      times,
      ...columnsOf(observations, accounts, places),
    },
  };
}

/** Observations by numbers of accounts and times, which are much shorter than both. */
function columnsOf(
  observations: readonly Observed[],
  accounts: readonly string[],
  places: ReadonlyMap<Millis, number>,
) {
  const numbers = new Map(accounts.map((account, place) => [account, place]));
  return {
    account_of: observations.map(({ accountId }) => numbers.get(accountId)! + 1),
    // A subscription that is named after its account need not be named again.
    subscription_of: observations.map(({ accountId, subscriptionId }) =>
      subscriptionId === accountId ? '' : subscriptionId,
    ),
    time_of: observations.map(({ asOf }) => places.get(asOf)! + 1),
  };
}
