import { afterAll, beforeAll, expect, it } from 'vitest';
import { DAY_MS, type Millis } from '../../src/core/clock.js';
import { type FeatureCatalogue, readFeatureCatalogue } from '../../src/features/catalogue.js';
import { recentFirst } from '../../src/features/planner/recent-first.js';
import type { Scope } from '../../src/features/population.js';
import { readFeatures } from '../../src/features/read-features.js';
import type { Delivery } from '../../src/ingest/signal-source.js';
import { UNKNOWN_CONTRACT } from '../../src/signals/subscription.js';
import type { Store } from '../../src/store/store.js';
import { defaultScoring } from '../scoring/scoring-files.js';
import { END, writeAll } from '../support/business.js';
import { tempStore } from '../support/temp-store.js';
import { sentSignal } from './sent-signal.js';

function catalogueOf(measures: string, names: readonly string[]): FeatureCatalogue {
  const valueIn = (name: string) =>
    /^(at|of_attribute|first)$/.test(name) ? `'days(${name}, as_of)'` : name;
  const features = names.map(
    (name) => `  - { name: f_${name}, category: usage, value: ${valueIn(name)}, description: d, reason: r }`,
  );
  const text = `lookback_days: 400\nmeasures:\n${measures}\nfeatures:\n${features.join('\n')}\n`;
  const { catalogue, problems } = readFeatureCatalogue('features.yaml', text);
  expect(problems).toEqual([]);
  return catalogue!;
}

it('asks twice for what only the latest signal decides, where the nearest windows read such signals anyway', () => {
  const { measures } = catalogueOf(
    `  near: { op: count, of: [session_started, nps_response], within: [7d, 30d] }
  far: { op: count, of: session_started, within: 300d }
  since: { op: days_since, of: session_started }
  half_a_year: { op: days_since, of: session_started, within: 180d }
  at: { op: last_at, of: nps_response }
  of_value: { op: last, of: nps_response }
  of_attribute: { op: last_at, of: session_started, where: { client: web } }
  other_type: { op: days_since, of: [session_started, feature_used] }
  first: { op: first_at, of: session_started }`,
    [
      'since',
      'half_a_year',
      'at',
      'of_value',
      'of_attribute',
      'other_type',
      'first',
      'far',
      'near_7d',
      'near_30d',
    ],
  );
  const { recent, earlier } = recentFirst(measures);
  expect(earlier.map(({ name }) => name)).toEqual(['since', 'half_a_year', 'at']);
  expect(recent.map(({ name, withinDays }) => [name, withinDays])).toEqual(
    measures.map(({ name, withinDays }) => [
      name,
      earlier.some((one) => one.name === name) ? 30 : withinDays,
    ]),
  );
});

it('asks twice for the last core action of the shipped features, and for nothing where no window is near', () => {
  const { measures } = defaultScoring().catalogue;
  expect(recentFirst(measures).earlier.map(({ name }) => name)).toEqual(['last_core_action_days']);
  const far = measures.filter(({ withinDays }) => withinDays === null || withinDays > 100);
  expect(recentFirst(far)).toMatchObject({ recent: far, earlier: [] });
});

let store: Store;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ store, close } = await tempStore());
});
afterAll(() => close());

const contract = (accountId: string, subscriptionId: string, occurredAt: Millis): Delivery => ({
  record: {
    kind: 'subscription',
    subscription: { ...UNKNOWN_CONTRACT, accountId, subscriptionId, status: 'active', occurredAt },
  },
  origin: { topic: 'test', partition: 0, offset: 0 },
  receivedAt: occurredAt,
});

it('finds the latest however long ago it was, and of which subscription', async () => {
  const ago = (days: number) => END - days * DAY_MS;
  await writeAll(store, [
    sentSignal('recent', 'usage.session_started', ago(3), { value: 1 }),
    sentSignal('recent', 'usage.session_started', ago(390), { value: 9 }),
    sentSignal('long-ago', 'usage.session_started', ago(390), { value: 2 }),
    sentSignal('valueless', 'usage.session_started', ago(10)),
    sentSignal('valueless', 'usage.session_started', ago(200), { value: 3 }),
    sentSignal('edge', 'usage.session_started', ago(30), { value: 4 }),
    sentSignal('edge-1', 'usage.session_started', ago(30) + 1, { value: 5 }),
    sentSignal('too-long-ago', 'usage.session_started', ago(401), { value: 6 }),
    ...['one', 'two'].flatMap((subscription, i) => [
      contract('several', subscription, ago(395)),
      sentSignal('several', 'usage.session_started', ago(i === 0 ? 5 : 100), {
        subscription_id: subscription,
        value: 7 + i,
      }),
    ]),
  ]);
  const catalogue = catalogueOf(
    `  near: { op: mean, of: session_started, within: 30d }
  since: { op: days_since, of: session_started }
  latest: { op: last, of: session_started }`,
    ['since', 'latest', 'near'],
  );
  const everyone: Scope = { kind: 'range', first: '', last: '~' };
  const ask = async () => {
    const found: Record<string, unknown[]> = {};
    for await (const { batch } of readFeatures(store, catalogue, { scope: everyone, asOf: END }))
      for (let i = 0; i < batch.length; i++) {
        const { account_id, subscription_id, f_since, f_latest } = batch.row(i);
        const name = account_id === 'several' ? `several/${subscription_id}` : `${account_id}`;
        found[name] = [f_since, f_latest];
      }
    return found;
  };
  const found = await ask();
  // So many are silent that they are asked for at once from now on.
  expect(await ask()).toEqual(found);
  expect(found).toEqual({
    recent: [3, 1],
    'long-ago': [390, 2],
    valueless: [10, 3],
    edge: [30, 4],
    'edge-1': [30 - 1 / DAY_MS, 5],
    'too-long-ago': [400, null],
    'several/one': [5, 7],
    'several/two': [100, 8],
  });
});
