import { writeBatch } from '../../src/ingest/batch-writer.js';
import type { Signal } from '../../src/signals/signal.js';
import {
  type Outcome,
  type Subscription,
  UNKNOWN_CONTRACT,
  UNKNOWN_OUTCOME,
} from '../../src/signals/subscription.js';
import type { Store } from '../../src/store/store.js';

/** Midnight of a day, such as 2026-03-01. */
export const day = (date: string): number => Date.parse(`${date}T00:00:00Z`);

/** A contract of which nothing is known but what a test says. */
export function contract(
  of: Pick<Subscription, 'accountId' | 'subscriptionId' | 'occurredAt'> & Partial<Subscription>,
): Subscription {
  return {
    ...UNKNOWN_CONTRACT,
    status: 'active',
    ...of,
  };
}

/** An outcome of which nothing is known but what a test says. */
export function outcome(
  of: Pick<Outcome, 'accountId' | 'subscriptionId' | 'occurredAt' | 'kind'> & Partial<Outcome>,
): Outcome {
  return {
    source: 'contracts',
    id: `${of.accountId}/${of.subscriptionId}/${of.kind}/${of.occurredAt}`,
    ...UNKNOWN_OUTCOME,
    ...of,
  };
}

export interface Written {
  readonly contracts?: readonly Subscription[];
  readonly outcomes?: readonly Outcome[];
  readonly signals?: readonly Signal[];
}

/** Stores them as they would arrive, each when it happened. */
export async function writeRecords(
  store: Store,
  { contracts = [], outcomes = [], signals = [] }: Written,
): Promise<void> {
  const records = [
    ...contracts.map((subscription) => ({ kind: 'subscription', subscription }) as const),
    ...outcomes.map((it) => ({ kind: 'outcome', outcome: it }) as const),
    ...signals.map((signal) => ({ kind: 'signal', signal }) as const),
  ];
  await writeBatch(
    store,
    records.map((record, offset) => ({
      record,
      origin: { topic: 'test', partition: 0, offset },
      receivedAt: occurredAtOf(record),
    })),
  );
}

function occurredAtOf(
  record:
    | { readonly kind: 'subscription'; readonly subscription: Subscription }
    | { readonly kind: 'outcome'; readonly outcome: Outcome }
    | { readonly kind: 'signal'; readonly signal: Signal },
): number {
  if (record.kind === 'subscription') return record.subscription.occurredAt;
  return record.kind === 'outcome' ? record.outcome.occurredAt : record.signal.occurredAt;
}
