import type { Fact } from '../columns/fact.js';
import { RUNNING_STATUSES } from '../signals/subscription.js';
import { HELD_NOW, heldAt } from './held.js';

/** The contract's columns, as feature expressions name them and as `populationSql` gives them. */
const CONTRACT_COLUMNS = [
  'status',
  'product',
  'plan',
  'tier',
  'segment',
  'region',
  'add_ons',
  'seats',
  'arr_minor',
  'currency',
  'start',
  'renewal',
  'auto_renew',
  'notice_days',
  'owner',
  'plan_features',
] as const;

export const POPULATION_COLUMNS: readonly string[] = [
  'account_id',
  'subscription_id',
  'sub_no',
  'implicit',
  'as_of',
  'observed_at',
  'observed_days',
  ...CONTRACT_COLUMNS,
];

const RUNNING = RUNNING_STATUSES.map((status) => `'${status}'`).join(', ');

/** Which accounts a question is about: some by name, or all in a range of names (both ends included). */
export type Scope =
  | { readonly kind: 'accounts'; readonly accounts: readonly string[] }
  | {
      readonly kind: 'range';
      readonly first: string;
      readonly last: string;
      /** How many there are in it; absent: nobody has counted. */
      readonly count?: number;
    };

/** How many accounts a scope has. Undefined: nobody has counted. */
export function accountCount(scope: Scope): number | undefined {
  return scope.kind === 'accounts' ? scope.accounts.length : scope.count;
}

/** A condition on `account_id`, with its query parameters. */
export function scopeSql(scope: Scope): { sql: string; params: Record<string, unknown> } {
  return scope.kind === 'accounts'
    ? { sql: 'account_id IN {accounts:Array(String)}', params: { accounts: scope.accounts } }
    : {
        sql: 'account_id >= {first:String} AND account_id <= {last:String}',
        params: { first: scope.first, last: scope.last },
      };
}

/** Expression of the time a question is asked about. */
export const AS_OF = "{as_of:DateTime64(3, 'UTC')}";
const KNOWN_AT = "{known_at:DateTime64(3, 'UTC')}";
/** The versions of signals, subscriptions and outcomes that count: those of now, or those that held at `known_at`. */
export function heldSql(knownAt: boolean): string {
  return knownAt ? heldAt(KNOWN_AT) : HELD_NOW;
}

/**
 * The subscriptions that run as of a time, one row each, numbered in the order of account and subscription. An account that
 * has signals but no subscription counts as one subscription with the account's id (`implicit`). A contract runs from its first
 * day on, however early it was known; until then the state before it counts. It ends with the day of its end, whatever its status.
 *
 * `observed_at`: since when it says something that a signal did not come. A contract vouches for the customer from its start,
 * or from the first thing ever heard of the account; without one it takes a usage or billing signal: who was only written to
 * is no customer.
 *
 * Of a few accounts `in-process/few-subscriptions.ts` puts the same together from the three questions that are joined here.
 */
export function populationSql(scope: string, knownAt: boolean): string {
  const contract = CONTRACT_COLUMNS.filter((column) => column !== 'status');
  const moved = `(account_id, subscription_id) IN (${movedSql(scope, knownAt)}) AS has_moved`;
  return `SELECT account_id, subscription_id, implicit, status, ${contract.join(', ')}, observed_at, ${AS_OF} AS as_of,
    toUInt32(row_number() OVER (ORDER BY account_id, subscription_id)) AS sub_no
  FROM (
    SELECT a.account_id AS account_id, s.is_there = 0 AS implicit, if(implicit, a.account_id, s.subscription_id) AS subscription_id,
      multiIf(implicit, 'active', s.has_moved, 'moved', s.is_ahead, 'upcoming', s.is_over, 'ended', s.status) AS status, ${contract.map((column) => `${dated(`s.${column}`, column)} AS ${column}`).join(', ')},
      if(implicit, if(a.used > ${AS_OF}, NULL, a.used), least(ifNull(toDateTime64(s.start, 3, 'UTC'), a.seen), a.seen)) AS observed_at
    FROM (${accountsSql(scope, knownAt)}) AS a
    LEFT JOIN (${contractsSql(scope, knownAt, ['status', ...contract, '1 AS is_there', moved])}) AS s ON s.account_id = a.account_id
  )
  WHERE status IN (${RUNNING})`;
}

/** The accounts that there are as of a time, each with the first thing ever heard of it and its first usage or billing signal. */
export function accountsSql(scope: string, knownAt: boolean): string {
  // In a backtest an account is heard of when the first message arrived, not when that message speaks of.
  const seen = knownAt ? 'first_known_at' : 'first_seen_at';
  const used = knownAt ? 'first_used_known_at' : 'first_used_at';
  const known = knownAt ? ` AND min(first_known_at) <= ${KNOWN_AT}` : '';
  return `SELECT account_id, min(${seen}) AS seen, min(${used}) AS used
      FROM accounts WHERE ${scope} GROUP BY account_id HAVING min(first_seen_at) <= ${AS_OF}${known} AND ${isThere(knownAt ? KNOWN_AT : null)}`;
}

/** How each contract stands as of a time, whether it is still ahead then, and whether it is over. */
export function contractsSql(scope: string, knownAt: boolean, columns: readonly string[]): string {
  return `SELECT account_id, subscription_id, ${columns.join(', ')}, ${aheadSql('start', 'status', AS_OF)} AS is_ahead, ${overSql('end', AS_OF)} AS is_over
      FROM subscription_log FINAL
      WHERE ${scope} AND occurred_at <= ${AS_OF} AND ${heldSql(knownAt)}
      ORDER BY account_id, subscription_id, is_ahead, occurred_at DESC
      LIMIT 1 BY account_id, subscription_id`;
}

/** Whether a state is that of a contract which has not begun. */
function aheadSql(start: string, status: string, asOf: string): string {
  return `(${status} IN (${RUNNING}) AND ifNull(toDateTime64(${start}, 3, 'UTC') > ${asOf}, 0))`;
}

/** Whether the day on which a contract ends for good has come. */
function overSql(end: string, asOf: string): string {
  return `ifNull(toDateTime64(${end}, 3, 'UTC') <= ${asOf}, 0)`;
}

/** Whether anything of an account is left, or was when it was known: what was retracted later had been there. */
function isThere(knownAt: string | null): string {
  const left = 'max(last_stored_at) >= max(emptied_at)';
  return knownAt === null ? left : `(${left} OR max(emptied_at) > ${knownAt})`;
}

/** Subscriptions that have left these accounts for others: one belongs to one account at a time. */
export function movedSql(scope: string, knownAt: boolean): string {
  const known = knownAt ? " AND received_at <= {known_at:DateTime64(3, 'UTC')}" : '';
  return `SELECT account_id, subscription_id FROM moved_subscriptions FINAL WHERE ${scope} AND holds = 1 AND moved_at <= ${AS_OF}${known}`;
}

/** Dates are times to the expressions of features, at midnight. */
function dated(sql: string, column: string): string {
  return column === 'start' || column === 'renewal' ? `toDateTime64(${sql}, 3, 'UTC')` : sql;
}

/** Observations as `planner/subscriptions.ts` sends them: by numbers of accounts and times. */
const OBSERVED = `SELECT {accounts:Array(String)}[observed.1] AS account_id, if(observed.2 = '', account_id, observed.2) AS subscription_id,
        fromUnixTimestamp64Milli({times:Array(Int64)}[observed.3], 'UTC') AS as_of
      FROM (SELECT arrayJoin(arrayZip({account_of:Array(UInt32)}, {subscription_of:Array(String)}, {time_of:Array(UInt32)})) AS observed)`;

/**
 * The observations whose subscriptions ran at their time, one row each, as `populationSql` gives them. All of it is as it was
 * known at that time. An account counts as a subscription of its own name while it has no contract at all: so observations of
 * that name are joined to all contracts of their account (the key is empty), and others to their own.
 */
export function observedSql(scope: string): string {
  const contract = CONTRACT_COLUMNS.filter((column) => column !== 'status');
  const versions = ['status', ...contract, 'end'];
  const pick = (column: string) => `tupleElement(version, ${versions.indexOf(column) + 1})`;
  const holds = `s.is_version = 1 AND s.occurred_at <= o.as_of AND ${heldAt('o.as_of')}`;
  const own = `${holds} AND s.subscription_id = o.subscription_id`;
  return `SELECT account_id, subscription_id, implicit, status, ${contract.join(', ')}, observed_at, as_of,
    toUInt32(row_number() OVER (ORDER BY account_id, subscription_id, as_of)) AS sub_no
  FROM (
    SELECT account_id, subscription_id, as_of, contracts = 0 AS implicit,
      multiIf(implicit, 'active', has_moved, 'moved', ${aheadSql(pick('start'), pick('status'), 'as_of')}, 'upcoming',
        ${overSql(pick('end'), 'as_of')}, 'ended', ${pick('status')}) AS status,
      ${contract.map((column) => `${dated(pick(column), column)} AS ${column}`).join(', ')},
      if(implicit, if(used > as_of, NULL, used), least(ifNull(toDateTime64(start, 3, 'UTC'), seen), seen)) AS observed_at
    FROM (
      SELECT o.account_id AS account_id, o.subscription_id AS subscription_id, o.as_of AS as_of, any(a.seen) AS seen, any(a.used) AS used,
        any(m.moved = 1 AND m.moved_at <= o.as_of AND m.known_at <= o.as_of) AS has_moved,
        countIf(${holds}) AS contracts, countIf(${own}) AS own,
        argMaxIf((${versions.map((column) => `s.${column}`).join(', ')}), (NOT ${aheadSql('s.start', 's.status', 'o.as_of')}, s.occurred_at), ${own}) AS version
      FROM (${OBSERVED}) AS o
      INNER JOIN (
        SELECT account_id, min(first_known_at) AS seen, min(first_used_known_at) AS used, min(first_seen_at) AS first_seen,
          max(last_stored_at) AS last_stored_at, max(emptied_at) AS emptied_at
        FROM accounts WHERE ${scope} GROUP BY account_id
      ) AS a ON a.account_id = o.account_id
      LEFT JOIN (
        SELECT account_id, subscription_id, arrayJoin([subscription_id, '']) AS key, occurred_at, received_at, _until,
          ${versions.join(', ')}, 1 AS is_version
        FROM subscription_log FINAL WHERE ${scope}
      ) AS s ON s.account_id = o.account_id AND s.key = if(o.subscription_id = o.account_id, '', o.subscription_id)
      LEFT JOIN (
        SELECT account_id, subscription_id, moved_at, received_at AS known_at, 1 AS moved FROM moved_subscriptions FINAL WHERE ${scope} AND holds = 1
      ) AS m ON m.account_id = o.account_id AND m.subscription_id = o.subscription_id
      WHERE a.seen <= o.as_of AND a.first_seen <= o.as_of AND (a.last_stored_at >= a.emptied_at OR a.emptied_at > o.as_of)
      GROUP BY account_id, subscription_id, as_of
    )
    WHERE own > 0 OR (contracts = 0 AND subscription_id = account_id)
  )
  WHERE status IN (${RUNNING})`;
}

const text = (name: string, description: string, values: readonly string[] | null = null): Fact => ({
  name,
  kind: 'string',
  description,
  unit: '',
  range: [null, null],
  values,
  origin: 'subscription',
  optional: true,
});
const number = (name: string, description: string, unit: string): Fact => ({
  name,
  kind: 'number',
  description,
  unit,
  range: [0, null],
  values: null,
  origin: 'subscription',
  optional: true,
});

/** What rules may ask of the contract. Features such as days_to_renewal say the rest. */
export const CONTRACT_FACTS: readonly Fact[] = [
  { ...text('status', 'Status of the subscription.', RUNNING_STATUSES), optional: false },
  text('product', 'Product.'),
  text('plan', 'Plan.'),
  text('tier', 'Tier.'),
  text('segment', 'Segment, such as smb or enterprise.'),
  text('region', 'Region.'),
  { ...text('add_ons', 'Add-ons booked.'), kind: 'list', optional: false },
  number('seats', 'Seats bought.', 'seats'),
  number('arr_minor', 'Annual recurring revenue in minor units of its currency.', 'minor units'),
  text('currency', 'Currency of arr_minor, ISO 4217.'),
  { ...text('auto_renew', 'Whether it renews by itself.'), kind: 'boolean' },
  number('notice_days', 'Days before the renewal date by which notice must be given.', 'days'),
  text('owner', 'Who looks after it.'),
];

/** What outcomes say: see `featureQuery`. */
export const OUTCOME_FACTS: readonly Fact[] = [
  {
    ...text(
      'cancel_intent_open',
      'Whether the customer said that they want to leave, and has neither taken it back nor renewed since.',
    ),
    kind: 'boolean',
    origin: 'feature',
    optional: false,
  },
];
