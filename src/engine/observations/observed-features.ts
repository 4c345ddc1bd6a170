import type { Batch } from '../../columns/batch.js';
import type { StringColumn } from '../../columns/column.js';
import { takeRows } from '../../columns/take-rows.js';
import type { Millis } from '../../core/clock.js';
import type { FeatureCatalogue } from '../../features/catalogue.js';
import { readFeatures } from '../../features/read-features.js';
import type { Observation } from '../../fit/observations/observation.js';
import type { Store } from '../../store/store.js';
import { pagesOfNamed } from '../pages.js';

/** Observations with what was known of each at its time: row i of the batch is observation i. */
export interface ObservedBatch {
  readonly observations: readonly Observation[];
  readonly batch: Batch;
}

/**
 * Features of each observation as of its own time, by what had arrived until then. Subscriptions that did not run at that time
 * are left out. `observations`: in the order of time.
 */
export async function* observedFeatures(
  store: Store,
  catalogue: FeatureCatalogue,
  observations: readonly Observation[],
): AsyncGenerator<ObservedBatch> {
  for (const [asOf, atTime] of byTime(observations)) {
    const wanted = new Map(
      atTime.map((one) => [keyOf(one.accountId, one.subscriptionId), [] as Observation[]]),
    );
    for (const one of atTime) wanted.get(keyOf(one.accountId, one.subscriptionId))!.push(one);
    const accounts = new Set(atTime.map(({ accountId }) => accountId));
    for (const scope of pagesOfNamed(accounts)) {
      for await (const { batch } of readFeatures(store, catalogue, { scope, asOf, knownAt: asOf })) {
        const rows: number[] = [];
        const found: Observation[] = [];
        const [account, subscription] = [textAt(batch, 'account_id'), textAt(batch, 'subscription_id')];
        for (let row = 0; row < batch.length; row++) {
          // Of one subscription, two terms may be looked at on the same day.
          for (const observation of wanted.get(keyOf(account(row), subscription(row))) ?? []) {
            rows.push(row);
            found.push(observation);
          }
        }
        if (rows.length > 0) yield { observations: found, batch: takeRows(batch, Int32Array.from(rows)) };
      }
    }
  }
}

function byTime(observations: readonly Observation[]): ReadonlyMap<Millis, readonly Observation[]> {
  const times = new Map<Millis, Observation[]>();
  for (const one of observations) {
    const atTime = times.get(one.asOf);
    if (atTime === undefined) times.set(one.asOf, [one]);
    else atTime.push(one);
  }
  return times;
}

function keyOf(accountId: string, subscriptionId: string): string {
  return JSON.stringify([accountId, subscriptionId]);
}

function textAt(batch: Batch, name: string): (row: number) => string {
  const { codes, dictionary } = batch.column(name) as StringColumn;
  return (row) => dictionary[codes[row]!]!;
}
