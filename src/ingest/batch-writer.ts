import { LIMITS } from '../core/limits.js';
import type { RecordRetraction } from '../signals/retraction.js';
import type { Rejection, Signal } from '../signals/signal.js';
import type { Outcome, Subscription, Tombstone } from '../signals/subscription.js';
import { type Arrived, insertRows } from '../store/encoded-rows.js';
import { endedStates } from '../store/ended-subscriptions.js';
import { readErasedNames } from '../store/erased-names.js';
import { settleMoves } from '../store/moved-subscriptions.js';
import { OUTCOMES } from '../store/outcome-log.js';
import { contentHash } from '../store/record-hash.js';
import { encodeRejections } from '../store/rejection-log.js';
import { SIGNALS } from '../store/signal-log.js';
import type { Store } from '../store/store.js';
import { SUBSCRIPTIONS } from '../store/subscription-log.js';
import { type Counts, type WrittenRecords, writeRecords } from '../store/write-records.js';
import { alone } from './alone.js';
import { applyRetractions, logRetractions } from './retract-messages.js';
import type { Delivery } from './signal-source.js';

/** What one batch came to, by kind of record: how many were new, repeats, corrections, or left out as retracted. */
export interface Written {
  readonly signals: Counts;
  readonly subscriptions: Counts;
  readonly outcomes: Counts;
  readonly rejections: number;
  /** Records that were taken back by messages of their producers. */
  readonly retractions: number;
  /** Records and refused messages left out because their account was erased. */
  readonly erased: number;
  /** Accounts whose risk may have changed. Those of repeats are among them: that they were scored is not known. */
  readonly accounts: ReadonlySet<string>;
}

/**
 * Writes a batch of deliveries to the log tables and resolves once every row is durable. Writing the same batch again, in whole
 * or in part, changes nothing that the exact views show.
 */
export async function writeBatch(store: Store, deliveries: readonly Delivery[]): Promise<Written> {
  const batch = await withoutErased(store, deliveries);
  const signals: Arrived<Signal>[] = [];
  const subscriptions: Arrived<Subscription>[] = [];
  const outcomes: Arrived<Outcome>[] = [];
  const rejections: Arrived<Rejection>[] = [];
  const retractions: Arrived<RecordRetraction>[] = [];
  const tombstones: Arrived<Tombstone>[] = [];
  const accounts = new Set<string>();
  for (const { record, origin, receivedAt, arrivedAt, load } of batch) {
    switch (record.kind) {
      case 'signal':
        signals.push({ value: record.signal, origin, receivedAt, arrivedAt, load });
        accounts.add(record.signal.accountId);
        break;
      case 'subscription':
        subscriptions.push({ value: record.subscription, origin, receivedAt, arrivedAt, load });
        accounts.add(record.subscription.accountId);
        break;
      case 'outcome':
        outcomes.push({ value: record.outcome, origin, receivedAt, arrivedAt, load });
        accounts.add(record.outcome.accountId);
        break;
      case 'tombstone':
        tombstones.push({ value: record.tombstone, origin, receivedAt, arrivedAt });
        accounts.add(record.tombstone.accountId);
        break;
      case 'retraction':
        retractions.push({ value: record.retraction, origin, receivedAt, arrivedAt });
        break;
      case 'rejection':
        rejections.push({ value: record.rejection, origin, receivedAt, load });
        break;
    }
  }
  return alone(store, async () => {
    // First, so that what they concern is left out also where it comes in the same batch.
    const logged = await logRetractions(store, retractions);
    const written = {
      signals: await writeRecords(store, SIGNALS, signals),
      subscriptions: await writeRecords(store, SUBSCRIPTIONS, subscriptions),
      tombstones: await writeTombstones(store, tombstones),
      outcomes: await writeRecords(store, OUTCOMES, outcomes),
    };
    for (let from = 0; from < rejections.length; from += LIMITS.batchRows)
      await insertRows(store, encodeRejections(rejections.slice(from, from + LIMITS.batchRows)));
    for (const { accounts: before } of Object.values(written))
      for (const account of before) accounts.add(account);
    for (const account of await applyRetractions(store, logged)) accounts.add(account);
    const named = [
      ...subscriptions.map(({ value }) => value.subscriptionId),
      ...retractedSubscriptions(retractions),
    ];
    for (const account of await settleMoves(store, named)) accounts.add(account);
    return {
      signals: written.signals.counts,
      subscriptions: sumOf(written.subscriptions.counts, written.tombstones.counts),
      outcomes: written.outcomes.counts,
      rejections: rejections.length,
      retractions: retractions.length,
      erased: deliveries.length - batch.length,
      accounts,
    };
  });
}

/** Who was erased stays so, whatever is delivered again. */
async function withoutErased(store: Store, batch: readonly Delivery[]): Promise<readonly Delivery[]> {
  const erased = await readErasedNames(store);
  return batch.filter(({ record }) =>
    record.kind === 'rejection' ? !erased.appearIn(record.rejection) : !erased.hasAccount(accountOf(record)),
  );
}

function accountOf(record: Exclude<Delivery['record'], { kind: 'rejection' }>): string {
  switch (record.kind) {
    case 'signal':
      return record.signal.accountId;
    case 'subscription':
      return record.subscription.accountId;
    case 'outcome':
      return record.outcome.accountId;
    case 'tombstone':
      return record.tombstone.accountId;
    case 'retraction':
      // One of a signal names no account, and takes back what is not there any more.
      return record.retraction.record.kind === 'subscription' ? record.retraction.record.accountId : '';
  }
}

/** All tombstones have the same contents, whatever the state is that they end: one that is delivered again is a repeat. */
const TOMBSTONE = contentHash(['tombstone']);

/** What a subscription ends with is read when the others of the batch are stored. */
async function writeTombstones(
  store: Store,
  tombstones: readonly Arrived<Tombstone>[],
): Promise<WrittenRecords> {
  const states = await endedStates(
    store,
    tombstones.map(({ value }) => value),
  );
  return writeRecords(
    store,
    SUBSCRIPTIONS,
    tombstones.map((one, i) => ({ ...one, value: states[i]!, content: TOMBSTONE })),
  );
}

function sumOf(one: Counts, other: Counts): Counts {
  return {
    new: one.new + other.new,
    same: one.same + other.same,
    corrected: one.corrected + other.corrected,
    retracted: one.retracted + other.retracted,
  };
}

function retractedSubscriptions(retractions: readonly Arrived<RecordRetraction>[]): string[] {
  return retractions.flatMap(({ value: { record } }) =>
    record.kind === 'subscription' ? [record.subscriptionId] : [],
  );
}
