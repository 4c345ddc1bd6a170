import { chunksOf } from '../core/chunks.js';
import type { Millis } from '../core/clock.js';
import { dateTime64 } from '../core/sql-time.js';
import { type Subscription, type Tombstone, UNKNOWN_CONTRACT } from '../signals/subscription.js';
import type { Store } from './store.js';
import { SUBSCRIPTIONS } from './subscription-log.js';

/** Subscriptions of one query: their names go with it as text. */
const AT_ONCE = 1_000;

/** The subscriptions as they stood when they were deleted, but ended. Of one that was never known only the end is known. */
export async function endedStates(
  store: Store,
  tombstones: readonly Tombstone[],
): Promise<readonly Subscription[]> {
  const states: Subscription[] = [];
  for (const part of chunksOf(tombstones, AT_ONCE)) {
    const rows = await store.rows<Record<string, unknown> & { readonly occurredAt: Millis }>(
      `SELECT ${SUBSCRIPTIONS.select} FROM subscription_log FINAL
       WHERE account_id IN {accounts:Array(String)} AND subscription_id IN {subscriptions:Array(String)} AND _ended = ''
         AND occurred_at <= {until:DateTime64(3, 'UTC')}
       ORDER BY occurred_at`,
      {
        accounts: [...new Set(part.map(({ accountId }) => accountId))],
        subscriptions: [...new Set(part.map(({ subscriptionId }) => subscriptionId))],
        until: dateTime64(Math.max(...part.map(({ occurredAt }) => occurredAt))),
      },
      { lane: 'write' },
    );
    const known = rows.map((row) => SUBSCRIPTIONS.valueOf(row));
    for (const tombstone of part) {
      const { accountId, subscriptionId, occurredAt } = tombstone;
      const last = known.findLast(
        (one) =>
          one.accountId === accountId &&
          one.subscriptionId === subscriptionId &&
          one.occurredAt <= occurredAt,
      );
      states.push({
        ...(last ?? { ...UNKNOWN_CONTRACT, accountId, subscriptionId }),
        occurredAt,
        status: 'ended',
      });
    }
  }
  return states;
}
