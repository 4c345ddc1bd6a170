import { Int32Builder, TextBuilder, TimeBuilder } from '../columns/arrow-builder.js';
import type { Millis } from '../core/clock.js';
import { column, encodeRows, insertRows } from './encoded-rows.js';
import type { Store } from './store.js';

/** An account that is to be rescored, and since when. */
export interface OutboxTouch {
  readonly accountId: string;
  readonly since: Millis;
}

/** Keeps what is to be published; or, with `published`, that it was. */
export async function writeTouches(
  store: Store,
  touches: readonly OutboxTouch[],
  published: boolean,
): Promise<void> {
  const rows = encodeRows<OutboxTouch>(
    'touch_outbox',
    [
      column('account_id', new TextBuilder(), (touch: OutboxTouch) => touch.accountId),
      column('since', new TimeBuilder(), (touch: OutboxTouch) => touch.since),
      column('published', new Int32Builder(), () => Number(published)),
    ],
    touches,
  );
  await insertRows(store, rows);
}

/** What is yet to be published, the oldest first. */
export async function readTouches(store: Store, limit: number): Promise<readonly OutboxTouch[]> {
  return store.rows<OutboxTouch>(
    `SELECT account_id AS accountId, toUnixTimestamp64Milli(touch_outbox.since) AS since
     FROM touch_outbox FINAL WHERE published = 0 ORDER BY touch_outbox.since, account_id LIMIT {limit:UInt32}`,
    { limit },
  );
}
