import type { Millis } from '../../core/clock.js';
import type { FeatureCatalogue } from '../feature.js';
import type { FeatureStore } from '../feature-store.js';
import { presentSubscriptions } from '../planner/subscriptions.js';
import { measuresOf } from '../usable.js';
import type { Ruling } from './signal-rulings.js';
import { readRulings } from './signals-behind.js';

/** A signal, as it was last sent, and what became of it. */
export interface StoredSignal {
  readonly source: string;
  readonly id: string;
  readonly category: string;
  readonly type: string;
  readonly accountId: string;
  /** Empty: it speaks of all of the account. */
  readonly subscriptionId: string;
  readonly occurredAt: Millis;
  readonly receivedAt: Millis;
  readonly value: number | null;
  readonly attributes: Readonly<Record<string, string>>;
  /** Why it does not hold any more; empty: it holds. */
  readonly ended: string;
}

export interface ExplainedSignal {
  readonly signal: StoredSignal;
  readonly subscriptions: readonly SignalForSubscription[];
}

/** What the features of one subscription make of a signal. */
export interface SignalForSubscription {
  readonly subscriptionId: string;
  /** Why no feature can count it; empty: they can. */
  readonly outside: string;
  readonly features: readonly SignalForFeature[];
}

export interface SignalForFeature extends Ruling {
  readonly feature: string;
  readonly measure: string;
}

/**
 * Which features count a signal as of a time, which do not, and why, for every subscription of its account that runs then.
 * Features that do not read its type are left out. Undefined when there is no such signal.
 */
export async function explainSignal(
  store: FeatureStore,
  catalogue: FeatureCatalogue,
  name: { readonly source: string; readonly id: string },
  asOf: Millis,
): Promise<ExplainedSignal | undefined> {
  const signal = await readSignal(store, name);
  if (signal === undefined) return undefined;
  const subscriptions: SignalForSubscription[] = [];
  for (const { subscriptionId, implicit } of await runningOf(store, signal.accountId, asOf)) {
    const about = { accountId: signal.accountId, subscriptionId, asOf };
    const outside = whyOutside(signal, subscriptionId, implicit, asOf);
    const rulings =
      outside === '' ? await readRulings(store, catalogue.measures, about, name) : new Map<string, Ruling>();
    const features = catalogue.features.flatMap((feature) =>
      measuresOf(feature, catalogue).flatMap((measure): SignalForFeature[] => {
        const ruling = rulings.get(measure.name);
        return ruling === undefined ? [] : [{ feature: feature.name, measure: measure.name, ...ruling }];
      }),
    );
    subscriptions.push({ subscriptionId, outside, features });
  }
  return { signal, subscriptions };
}

function whyOutside(
  { ended, occurredAt, subscriptionId: named }: StoredSignal,
  subscriptionId: string,
  implicit: boolean,
  asOf: Millis,
): string {
  if (ended !== '') return `it was ${ended}`;
  if (occurredAt > asOf) return `it happened after ${new Date(asOf).toISOString()}`;
  return named === '' || named === subscriptionId || implicit ? '' : `it is about ${named}`;
}

/** The version that holds; of a signal that does not hold any more the one that arrived last. */
async function readSignal(
  store: FeatureStore,
  { source, id }: { readonly source: string; readonly id: string },
): Promise<StoredSignal | undefined> {
  const [signal] = await store.rows<StoredSignal>(
    `SELECT source, id, category, type, account_id AS accountId, subscription_id AS subscriptionId, toUnixTimestamp64Milli(occurred_at) AS occurredAt,
       toUnixTimestamp64Milli(received_at) AS receivedAt, value, attributes, _ended AS ended
     FROM signal_log FINAL WHERE source = {source:String} AND id = {id:String}
     ORDER BY _ended = '' DESC, received_at DESC LIMIT 1`,
    { source, id },
    { lane: 'serve' },
  );
  return signal;
}

async function runningOf(
  store: FeatureStore,
  account: string,
  asOf: Millis,
): Promise<readonly { subscriptionId: string; implicit: boolean }[]> {
  const scope = { kind: 'accounts', accounts: [account] } as const;
  const { sql, params } = presentSubscriptions({ scope, asOf });
  const rows = await store.rows<{ id: string; implicit: number }>(
    `SELECT subscription_id AS id, toUInt8(implicit) AS implicit FROM (${sql}) ORDER BY id`,
    params,
    { lane: 'serve' },
  );
  return rows.map(({ id, implicit }) => ({ subscriptionId: id, implicit: implicit === 1 }));
}
