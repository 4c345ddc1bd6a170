import type { Millis } from '../core/clock.js';
import { dateTime64 } from '../core/sql-time.js';
import type { DecisionEvent } from '../decisions/decision.js';
import { type DecisionRow, eventOf, SELECT_EVENT } from './decision-table.js';
import { STORED_RISK, type StoredRisk } from './risk-state.js';
import type { Store } from './store.js';

/** A decision's event, and when it was stored. */
export interface StoredEvent {
  readonly event: DecisionEvent;
  readonly storedAt: Millis;
}

/** Events of decisions stored at a time or later, the earliest first; of one decision in their order. */
export async function readEventsSince(
  store: Store,
  from: Millis,
  limit: number,
  offset: number,
): Promise<readonly StoredEvent[]> {
  const rows = await store.rows<DecisionRow & { storedAt: Millis }>(
    `SELECT ${SELECT_EVENT}, toUnixTimestamp64Milli(d.stored_at) AS storedAt FROM (
       SELECT * FROM decision_event_log WHERE stored_at >= {from:DateTime64(3, 'UTC')}
       ORDER BY epoch DESC LIMIT 1 BY decision_id, version
     ) AS d ORDER BY d.stored_at, d.decision_id, d.version LIMIT {limit:UInt32} OFFSET {offset:UInt32}`,
    { from: dateTime64(from), limit, offset },
    { lane: 'ask' },
  );
  return rows.map((row) => ({ event: eventOf(row), storedAt: row.storedAt }));
}

/** A present risk, and when it was computed. */
export type ChangedRisk = StoredRisk & { readonly computedAt: Millis };

/** Present risks computed at a time or later, the earliest first. */
export async function readRisksSince(
  store: Store,
  from: Millis,
  limit: number,
  offset: number,
): Promise<readonly ChangedRisk[]> {
  const recent = "computed_at >= {from:DateTime64(3, 'UTC')}";
  return store.rows<ChangedRisk>(
    `SELECT ${STORED_RISK}, toUnixTimestamp64Milli(computed_at) AS computedAt FROM (
       SELECT r.*, c.product AS product, c.plan AS plan, c.owner AS owner FROM (
         SELECT * FROM (SELECT * FROM risk_state WHERE ${recent} ORDER BY as_of DESC LIMIT 1 BY account_id, subscription_id)
         WHERE NOT gone ORDER BY computed_at, account_id, subscription_id LIMIT {limit:UInt32} OFFSET {offset:UInt32}
       ) AS r
       LEFT JOIN (
         SELECT account_id, subscription_id, product, plan, owner FROM subscription_log FINAL
         WHERE _ended = '' AND occurred_at <= now64(3) AND account_id IN (SELECT account_id FROM risk_state WHERE ${recent})
         ORDER BY account_id, subscription_id, occurred_at DESC LIMIT 1 BY account_id, subscription_id
       ) AS c ON c.account_id = r.account_id AND c.subscription_id = r.subscription_id
     ) AS l ORDER BY computedAt, accountId, subscriptionId`,
    { from: dateTime64(from), limit, offset },
    { lane: 'ask' },
  );
}

/** Earlier risks of a subscription: the last of each day, and each at which the band changed; the newest first. */
export async function readRiskHistory(
  store: Store,
  subscriptionId: string,
  { from, before, limit }: { readonly from?: Millis; readonly before?: Millis; readonly limit: number },
): Promise<readonly StoredRisk[]> {
  const bounds = [
    ...(from === undefined ? [] : ["as_of >= {from:DateTime64(3, 'UTC')}"]),
    ...(before === undefined ? [] : ["as_of < {before:DateTime64(3, 'UTC')}"]),
  ].map((sql) => ` AND ${sql}`);
  return store.rows<StoredRisk>(
    `SELECT ${STORED_RISK} FROM (
       SELECT *, '' AS product, '' AS plan, '' AS owner FROM risk_day_log FINAL
       WHERE subscription_id = {subscription:String}${bounds.join('')}
       ORDER BY as_of DESC, account_id LIMIT 1 BY as_of
     ) AS l ORDER BY asOf DESC LIMIT {limit:UInt32}`,
    {
      subscription: subscriptionId,
      limit,
      ...(from === undefined ? {} : { from: dateTime64(from) }),
      ...(before === undefined ? {} : { before: dateTime64(before) }),
    },
    { lane: 'ask' },
  );
}
