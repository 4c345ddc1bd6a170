import {
  BooleanBuilder,
  DateBuilder,
  FloatBuilder,
  IntegerBuilder,
  TextBuilder,
  TextListBuilder,
  TimeBuilder,
} from '../columns/arrow-builder.js';
import type { Millis } from '../core/clock.js';
import { dateTime64 } from '../core/sql-time.js';
import type { Subscription } from '../signals/subscription.js';
import type { Version } from '../signals/versions.js';
import { column } from './encoded-rows.js';
import { membersHash, withLength } from './record-hash.js';
import type { RecordTable } from './record-table.js';
import type { Store } from './store.js';

type Row = Version<Subscription>;

/** `subscription_log`. How a subscription stood is known by account, subscription, and the time from which on. */
export const SUBSCRIPTIONS: RecordTable<Subscription> = {
  kind: 'subscription',
  table: 'subscription_log',
  identityOf: ({ accountId, subscriptionId, occurredAt }) =>
    `subscription:${withLength(accountId)}${Buffer.byteLength(subscriptionId)}:${subscriptionId}${occurredAt}`,
  contentOf: ({ accountId: _account, subscriptionId: _subscription, occurredAt: _time, ...contents }) =>
    membersHash(contents),
  accountOf: ({ accountId }) => accountId,
  sourceOf: () => '',
  occurredAtOf: ({ occurredAt }) => occurredAt,
  columns: () => [
    column('account_id', new TextBuilder(), (r: Row) => r.value.accountId),
    column('subscription_id', new TextBuilder(), (r: Row) => r.value.subscriptionId),
    column('occurred_at', new TimeBuilder(), (r: Row) => r.value.occurredAt),
    column('status', new TextBuilder(), (r: Row) => r.value.status),
    column('product', new TextBuilder(), (r: Row) => r.value.product),
    column('plan', new TextBuilder(), (r: Row) => r.value.plan),
    column('tier', new TextBuilder(), (r: Row) => r.value.tier),
    column('segment', new TextBuilder(), (r: Row) => r.value.segment),
    column('region', new TextBuilder(), (r: Row) => r.value.region),
    column('add_ons', new TextListBuilder(), (r: Row) => r.value.addOns),
    column('seats', new FloatBuilder(), (r: Row) => r.value.seats),
    column('arr_minor', new IntegerBuilder(), (r: Row) => r.value.arrMinor),
    column('currency', new TextBuilder(), (r: Row) => r.value.currency),
    column('start', new DateBuilder(), (r: Row) => r.value.start),
    column('end', new DateBuilder(), (r: Row) => r.value.end),
    column('renewal', new DateBuilder(), (r: Row) => r.value.renewal),
    column('term_months', new FloatBuilder(), (r: Row) => r.value.termMonths),
    column('auto_renew', new BooleanBuilder(), (r: Row) => r.value.autoRenew),
    column('notice_days', new FloatBuilder(), (r: Row) => r.value.noticeDays),
    column('owner', new TextBuilder(), (r: Row) => r.value.owner),
    column('plan_features', new FloatBuilder(), (r: Row) => r.value.planFeatures),
  ],
  keySql: `xxHash64(concat('subscription:', toString(length(account_id)), ':', account_id, toString(length(subscription_id)), ':', subscription_id,
    toString(toUnixTimestamp64Milli(occurred_at))))`,
  select: `account_id AS accountId, subscription_id AS subscriptionId, toUnixTimestamp64Milli(occurred_at) AS occurredAt, status, product, plan, tier,
    segment, region, add_ons AS addOns, seats, arr_minor AS arrMinor, currency, toInt64(toInt32(start)) * 86400000 AS startsAt,
    toInt64(toInt32(end)) * 86400000 AS endsAt, toInt64(toInt32(renewal)) * 86400000 AS renewsAt, term_months AS termMonths,
    auto_renew AS autoRenew, notice_days AS noticeDays, owner, plan_features AS planFeatures`,
  valueOf(row) {
    const { startsAt, endsAt, renewsAt, ...rest } = row as unknown as Subscription & {
      readonly startsAt: number | null;
      readonly endsAt: number | null;
      readonly renewsAt: number | null;
    };
    return {
      accountId: rest.accountId,
      subscriptionId: rest.subscriptionId,
      occurredAt: rest.occurredAt,
      status: rest.status,
      product: rest.product,
      plan: rest.plan,
      tier: rest.tier,
      segment: rest.segment,
      region: rest.region,
      addOns: rest.addOns,
      seats: rest.seats,
      arrMinor: rest.arrMinor,
      currency: rest.currency,
      start: startsAt,
      end: endsAt,
      renewal: renewsAt,
      termMonths: rest.termMonths,
      autoRenew: rest.autoRenew,
      noticeDays: rest.noticeDays,
      owner: rest.owner,
      planFeatures: rest.planFeatures,
    };
  },
};

/** The rows of `subscription_history`, without its money: a join of currencies costs more to plan than a subscription to find. */
const HOLDING = "subscription_log FINAL WHERE _ended = ''";

/** The account that has a subscription, and how it stands as of a time; undefined when no such subscription was ever named. */
export async function readStanding(
  store: Store,
  subscriptionId: string,
  asOf: Millis,
): Promise<Pick<Subscription, 'accountId' | 'status'> | undefined> {
  const rows = await store.rows<Pick<Subscription, 'accountId' | 'status'>>(
    `SELECT account_id AS accountId, if(ifNull(end <= toDate32({as_of:DateTime64(3, 'UTC')}), 0), 'ended', status) AS status
     FROM ${HOLDING} AND subscription_id = {subscription:String} AND occurred_at <= {as_of:DateTime64(3, 'UTC')}
     ORDER BY occurred_at DESC, received_at DESC LIMIT 1`,
    { subscription: subscriptionId, as_of: dateTime64(asOf) },
  );
  return rows[0];
}

/** Whether signals have named an account, and no subscription of it was ever sent: then it is scored as one, with its own id. */
export async function isAccountAlone(store: Store, accountId: string): Promise<boolean> {
  const [row] = await store.rows<{ alone: number }>(
    `SELECT (SELECT count() FROM accounts WHERE account_id = {account:String}) > 0
       AND (SELECT count() FROM ${HOLDING} AND account_id = {account:String}) = 0 AS alone`,
    { account: accountId },
  );
  return row?.alone === 1;
}

/** The account of a subscription; undefined when no such subscription was ever named. */
export async function readAccountOf(store: Store, subscriptionId: string): Promise<string | undefined> {
  const rows = await store.rows<{ accountId: string }>(
    `SELECT account_id AS accountId FROM ${HOLDING} AND subscription_id = {subscription:String}
     ORDER BY occurred_at DESC, received_at DESC LIMIT 1`,
    { subscription: subscriptionId },
  );
  return rows[0]?.accountId;
}
