import { LIMITS } from '../core/limits.js';
import type { Rejection, Signal } from '../signals/signal.js';
import type { Outcome, Subscription } from '../signals/subscription.js';
import { type Arrived, insertRows } from '../store/encoded-rows.js';
import { encodeOutcomes } from '../store/outcome-log.js';
import { encodeRejections } from '../store/rejection-log.js';
import { encodeSignals } from '../store/signal-log.js';
import type { Store } from '../store/store.js';
import { encodeSubscriptions } from '../store/subscription-log.js';
import type { Delivery } from './signal-source.js';

/** What one batch wrote. */
export interface Written {
  readonly signals: number;
  readonly subscriptions: number;
  readonly outcomes: number;
  readonly rejections: number;
  /** Accounts whose risk may have changed. */
  readonly accounts: ReadonlySet<string>;
}

/**
 * Writes a batch of deliveries to the log tables and resolves once every row is durable. Rows are idempotent: writing the
 * same batch again, in whole or in part, changes nothing that the exact views show.
 */
export async function writeBatch(store: Store, batch: readonly Delivery[]): Promise<Written> {
  const signals: Arrived<Signal>[] = [];
  const subscriptions: Arrived<Subscription>[] = [];
  const outcomes: Arrived<Outcome>[] = [];
  const rejections: Arrived<Rejection>[] = [];
  const accounts = new Set<string>();
  for (const { record, origin, receivedAt } of batch) {
    switch (record.kind) {
      case 'signal':
        signals.push({ value: record.signal, origin, receivedAt });
        accounts.add(record.signal.accountId);
        break;
      case 'subscription':
        subscriptions.push({ value: record.subscription, origin, receivedAt });
        accounts.add(record.subscription.accountId);
        break;
      case 'outcome':
        outcomes.push({ value: record.outcome, origin, receivedAt });
        accounts.add(record.outcome.accountId);
        break;
      case 'rejection':
        rejections.push({ value: record.rejection, origin, receivedAt });
        break;
    }
  }
  for (const part of chunks(signals)) await insertRows(store, encodeSignals(part));
  for (const part of chunks(subscriptions)) await insertRows(store, encodeSubscriptions(part));
  for (const part of chunks(outcomes)) await insertRows(store, encodeOutcomes(part));
  for (const part of chunks(rejections)) await insertRows(store, encodeRejections(part));
  return {
    signals: signals.length,
    subscriptions: subscriptions.length,
    outcomes: outcomes.length,
    rejections: rejections.length,
    accounts,
  };
}

/** Parts small enough to be encoded without holding up the event loop for long. */
function* chunks<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let i = 0; i < items.length; i += LIMITS.batchRows) yield items.slice(i, i + LIMITS.batchRows);
}
