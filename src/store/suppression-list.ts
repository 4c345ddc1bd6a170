import type { Millis } from '../core/clock.js';
import { dateTime64 } from '../core/sql-time.js';
import type { SuppressionRow } from './decision-log.js';
import type { Store } from './store.js';

export interface SuppressionFilter {
  readonly accountId?: string;
  readonly subscriptionId?: string;
  readonly rule?: string;
  readonly guardrail?: string;
  readonly from?: Millis;
  readonly before?: Millis;
  /** Only what comes after this one in the order of the list. */
  readonly after?: Pick<SuppressionRow, 'asOf' | 'subscriptionId' | 'rule' | 'action' | 'guardrail'>;
  readonly limit: number;
}

const TIME = "DateTime64(3, 'UTC')";

/** Suppressions, the newest first, then by subscription, rule, action and guardrail. */
export async function listSuppressions(
  store: Store,
  filter: SuppressionFilter,
): Promise<readonly SuppressionRow[]> {
  const where = ['1'];
  const params: Record<string, unknown> = { limit: filter.limit };
  const add = (name: string, value: unknown, sql: string): void => {
    if (value === undefined) return;
    where.push(sql);
    params[name] = value;
  };
  add('account', filter.accountId, 's.account_id = {account:String}');
  add('subscription', filter.subscriptionId, 's.subscription_id = {subscription:String}');
  add('rule', filter.rule, 's.rule = {rule:String}');
  add('guardrail', filter.guardrail, 's.guardrail = {guardrail:String}');
  const { from, before, after } = filter;
  add('from', from === undefined ? from : dateTime64(from), `s.as_of >= {from:${TIME}}`);
  add('before', before === undefined ? before : dateTime64(before), `s.as_of < {before:${TIME}}`);
  if (after !== undefined) {
    where.push(
      `(-toUnixTimestamp64Milli(s.as_of), s.subscription_id, s.rule, s.action, s.guardrail) >
         (-{after_time:Int64}, {after_subscription:String}, {after_rule:String}, {after_action:String}, {after_guardrail:String})`,
    );
    Object.assign(params, {
      after_time: after.asOf,
      after_subscription: after.subscriptionId,
      after_rule: after.rule,
      after_action: after.action,
      after_guardrail: after.guardrail,
    });
  }
  return store.rows<SuppressionRow>(
    `SELECT account_id AS accountId, subscription_id AS subscriptionId, toUnixTimestamp64Milli(s.as_of) AS asOf, rule, kind, action, guardrail, reason,
       rules_revision AS rulesRevision
     FROM suppressions AS s WHERE ${where.join(' AND ')}
     ORDER BY s.as_of DESC, s.subscription_id, s.rule, s.action, s.guardrail LIMIT {limit:UInt32}`,
    params,
    { lane: 'ask' },
  );
}
