import { TextBuilder, TextListBuilder, TimeBuilder } from '../columns/arrow-builder.js';
import type { Millis } from '../core/clock.js';
import type { Suppression } from '../decisions/decision.js';
import { column, encodeRows, insertRows } from './encoded-rows.js';
import type { Store } from './store.js';

/** A moment of truth and how it was answered. */
export interface StoredMoment {
  readonly requestKey: string;
  readonly caller: string;
  readonly requestId: string;
  readonly accountId: string;
  readonly subscriptionId: string;
  /** Kind of the outcome that it was recorded as; empty: nothing was recorded. */
  readonly moment: string;
  readonly reason: string;
  readonly askedAt: Millis;
  readonly asOf: Millis;
  readonly decisionIds: readonly string[];
  readonly suppressed: readonly Suppression[];
  readonly rulesRevision: string;
}

export async function recordMoment(store: Store, moment: StoredMoment): Promise<void> {
  type M = StoredMoment;
  await insertRows(
    store,
    encodeRows<M>(
      'moment_log',
      [
        column('request_key', new TextBuilder(), (m: M) => m.requestKey),
        column('caller', new TextBuilder(), (m: M) => m.caller),
        column('request_id', new TextBuilder(), (m: M) => m.requestId),
        column('account_id', new TextBuilder(), (m: M) => m.accountId),
        column('subscription_id', new TextBuilder(), (m: M) => m.subscriptionId),
        column('moment', new TextBuilder(), (m: M) => m.moment),
        column('reason', new TextBuilder(), (m: M) => m.reason),
        column('asked_at', new TimeBuilder(), (m: M) => m.askedAt),
        column('as_of', new TimeBuilder(), (m: M) => m.asOf),
        column('decision_ids', new TextListBuilder(), (m: M) => m.decisionIds),
        column('suppressed', new TextBuilder(), (m: M) => JSON.stringify(m.suppressed)),
        column('rules_revision', new TextBuilder(), (m: M) => m.rulesRevision),
      ],
      [moment],
    ),
  );
}

/** The answer that a request has got already. */
export async function readMoment(store: Store, requestKey: string): Promise<StoredMoment | undefined> {
  const [row] = await store.rows<Omit<StoredMoment, 'suppressed'> & { suppressed: string }>(
    `SELECT request_key AS requestKey, caller, request_id AS requestId, account_id AS accountId, subscription_id AS subscriptionId, moment, reason,
       toUnixTimestamp64Milli(asked_at) AS askedAt, toUnixTimestamp64Milli(as_of) AS asOf, decision_ids AS decisionIds, suppressed,
       rules_revision AS rulesRevision
     FROM moment_log WHERE request_key = {key:String} LIMIT 1`,
    { key: requestKey },
  );
  return row === undefined ? undefined : { ...row, suppressed: JSON.parse(row.suppressed) as Suppression[] };
}
