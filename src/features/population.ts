import type { Fact } from '../columns/fact.js';
import { SUBSCRIPTION_STATUSES } from '../signals/subscription.js';
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
  ...CONTRACT_COLUMNS,
];

/** Which accounts a question is about: some by name, or all in a range of names (both ends included). */
export type Scope =
  | { readonly kind: 'accounts'; readonly accounts: readonly string[] }
  | { readonly kind: 'range'; readonly first: string; readonly last: string };

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
/** The versions of signals, subscriptions and outcomes that count: those of now, or those that held at `known_at`. */
export function heldSql(knownAt: boolean): string {
  return knownAt ? heldAt("{known_at:DateTime64(3, 'UTC')}") : HELD_NOW;
}

/**
 * The subscriptions that run as of a time, one row each, numbered in the order of account and subscription. An account that
 * has signals but no subscription counts as one subscription with the account's id (`implicit`).
 */
export function populationSql(scope: string, knownAt: boolean): string {
  const held = heldSql(knownAt);
  const contract = CONTRACT_COLUMNS.join(', ');
  // Dates are times to the expressions of features, at midnight.
  const dated = CONTRACT_COLUMNS.map((name) =>
    name === 'start' || name === 'renewal' ? `toDateTime64(${name}, 3, 'UTC') AS ${name}` : name,
  ).join(', ');
  return `SELECT account_id, subscription_id, implicit, ${contract}, ${AS_OF} AS as_of,
    toUInt32(row_number() OVER (ORDER BY account_id, subscription_id)) AS sub_no
  FROM (
    SELECT account_id, subscription_id, false AS implicit, ${dated}
    FROM (
      SELECT account_id, subscription_id, ${contract}
      FROM subscription_log FINAL
      WHERE ${scope} AND occurred_at <= ${AS_OF} AND ${held}
      ORDER BY account_id, subscription_id, occurred_at DESC
      LIMIT 1 BY account_id, subscription_id
    )
    UNION ALL
    SELECT account_id, account_id AS subscription_id, true AS implicit, 'active' AS status, '' AS product, '' AS plan, '' AS tier,
      '' AS segment, '' AS region, [] AS add_ons, NULL AS seats, NULL AS arr_minor, '' AS currency, NULL AS start, NULL AS renewal,
      NULL AS auto_renew, NULL AS notice_days, '' AS owner, NULL AS plan_features
    FROM accounts
    WHERE ${scope} AND account_id NOT IN (SELECT account_id FROM subscription_log FINAL WHERE ${scope} AND occurred_at <= ${AS_OF} AND ${held})
    GROUP BY account_id
    HAVING min(first_seen_at) <= ${AS_OF} AND max(last_stored_at) >= max(emptied_at)
  )
  WHERE status IN ('active', 'trialing', 'past_due')`;
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
  { ...text('status', 'Status of the subscription.', SUBSCRIPTION_STATUSES.slice(0, 3)), optional: false },
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

/** What was known before: see `featureQuery`. */
export const HISTORY_FACTS: readonly Fact[] = [
  {
    ...text('previous_band', 'Band of the risk before this one, of the last 30 days.', [
      'low',
      'medium',
      'high',
      'critical',
      'unknown',
    ]),
    origin: 'history',
  },
  {
    ...number('previous_risk', 'The risk before this one, of the last 30 days.', 'points'),
    range: [0, 100],
    origin: 'history',
  },
  {
    ...text(
      'cancel_intent_open',
      'Whether the customer said that they want to leave and has not taken it back.',
    ),
    kind: 'boolean',
    origin: 'history',
    optional: false,
  },
];
