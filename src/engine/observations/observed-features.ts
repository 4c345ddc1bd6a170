import type { Batch } from '../../columns/batch.js';
import type { NumberColumn, StringColumn } from '../../columns/column.js';
import { takeRows } from '../../columns/take-rows.js';
import type { FeatureCatalogue } from '../../features/catalogue.js';
import type { Observed } from '../../features/question.js';
import { readFeatures } from '../../features/read-features.js';
import type { Observation } from '../../fit/observations/observation.js';
import type { Store } from '../../store/store.js';

/** Observations with what was known of each at its time: row i of the batch is observation i. */
export interface ObservedBatch {
  readonly observations: readonly Observation[];
  readonly batch: Batch;
}

/** Observations that one query names: they travel in its URL, where a server takes a mebibyte. */
const OBSERVATIONS_AT_ONCE = 20_000;
const BYTES_AT_ONCE = 262_144;
/** What the numbers of an account and a time take, with what stands between them. */
const BYTES_OF_NUMBERS = 12;

/**
 * Features of each observation as of its own time, by what had arrived until then: one query for the accounts of a page, whatever
 * their times. Subscriptions that did not run at that time are left out. In the order of account, subscription and time.
 */
export async function* observedFeatures(
  store: Store,
  catalogue: FeatureCatalogue,
  observations: readonly Observation[],
): AsyncGenerator<ObservedBatch> {
  for (const page of pagesOf(observations)) {
    const wanted = new Map<string, Observation[]>();
    for (const one of page) {
      // Of one subscription, two terms may be looked at at the same time.
      const same = wanted.get(keyOf(one));
      if (same === undefined) wanted.set(keyOf(one), [one]);
      else same.push(one);
    }
    const once = [...wanted.values()].map(([first]) => first!);
    for await (const { batch } of readFeatures(store, catalogue, { observations: once })) {
      const rows: number[] = [];
      const found: Observation[] = [];
      const at = observedAt(batch);
      for (let row = 0; row < batch.length; row++) {
        for (const observation of wanted.get(keyOf(at(row)))!) {
          rows.push(row);
          found.push(observation);
        }
      }
      if (rows.length > 0) yield { observations: found, batch: takeRows(batch, Int32Array.from(rows)) };
    }
  }
}

/** Pages of neighbouring accounts, so that each query reads its own stretch of the signals, once. */
function* pagesOf(observations: readonly Observation[]): Generator<readonly Observation[]> {
  const sorted = [...observations].sort(
    (a, b) =>
      compare(a.accountId, b.accountId) || compare(a.subscriptionId, b.subscriptionId) || a.asOf - b.asOf,
  );
  let page: Observation[] = [];
  let bytes = 0;
  let account: string | undefined;
  for (const one of sorted) {
    const size =
      BYTES_OF_NUMBERS +
      (one.accountId === account ? 0 : Buffer.byteLength(one.accountId)) +
      (one.subscriptionId === one.accountId ? 0 : Buffer.byteLength(one.subscriptionId));
    if (page.length > 0 && (page.length === OBSERVATIONS_AT_ONCE || bytes + size > BYTES_AT_ONCE)) {
      yield page;
      page = [];
      bytes = Buffer.byteLength(one.accountId);
    }
    page.push(one);
    bytes += size;
    account = one.accountId;
  }
  if (page.length > 0) yield page;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function keyOf({ accountId, subscriptionId, asOf }: Observed): string {
  return JSON.stringify([accountId, subscriptionId, asOf]);
}

function observedAt(batch: Batch): (row: number) => Observed {
  const [accounts, subscriptions] = [textAt(batch, 'account_id'), textAt(batch, 'subscription_id')];
  const { values } = batch.column('as_of') as NumberColumn;
  return (row) => ({ accountId: accounts(row), subscriptionId: subscriptions(row), asOf: values[row]! });
}

function textAt(batch: Batch, name: string): (row: number) => string {
  const { codes, dictionary } = batch.column(name) as StringColumn;
  return (row) => dictionary[codes[row]!]!;
}
