import {
  BooleanBuilder,
  FloatBuilder,
  IntegerBuilder,
  TextBuilder,
  TextListBuilder,
  TimeBuilder,
} from '../columns/arrow-builder.js';
import type { Subscription } from '../signals/subscription.js';
import { type Arrived, arrivalColumns, column, type EncodedRows, encodeRows } from './encoded-rows.js';
import type { Store } from './store.js';

type Row = Arrived<Subscription>;

/** Rows of `subscription_log`. */
export function encodeSubscriptions(records: Iterable<Row>): EncodedRows {
  return encodeRows<Row>(
    'subscription_log',
    [
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
      column('start', new TimeBuilder(), (r: Row) => r.value.start),
      column('renewal', new TimeBuilder(), (r: Row) => r.value.renewal),
      column('auto_renew', new BooleanBuilder(), (r: Row) => r.value.autoRenew),
      column('notice_days', new FloatBuilder(), (r: Row) => r.value.noticeDays),
      column('owner', new TextBuilder(), (r: Row) => r.value.owner),
      column('plan_features', new FloatBuilder(), (r: Row) => r.value.planFeatures),
      ...arrivalColumns<Row>(),
    ],
    records,
  );
}

/** The account of a subscription; undefined when no such subscription was ever told. */
export async function readAccountOf(store: Store, subscriptionId: string): Promise<string | undefined> {
  const rows = await store.rows<{ accountId: string }>(
    'SELECT account_id AS accountId FROM subscription_log WHERE subscription_id = {subscription:String} ORDER BY occurred_at DESC LIMIT 1',
    { subscription: subscriptionId },
  );
  return rows[0]?.accountId;
}
