import type { Millis } from '../core/clock.js';
import { recordCurrencies } from '../store/currencies.js';
import { recordFeatureViews } from '../store/feature-views.js';
import { recordLineage } from '../store/lineage.js';
import type { Store } from '../store/store.js';
import type { Definitions } from './definitions.js';
import { lineageOf } from './lineage.js';

/**
 * Brings what SQL shows of the active definitions up to date: rates, a column for each feature, and where features come from and
 * go. What-ifs under other definitions do not come here.
 */
export async function publishDefinitions(store: Store, definitions: Definitions, now: Millis): Promise<void> {
  const { scoring, plan } = definitions;
  await recordCurrencies(store, plan.set.currencies);
  await recordFeatureViews(store, scoring.catalogue.features);
  const revisions = { scoring: scoring.revision, rules: plan.set.revision };
  await recordLineage(store, revisions, lineageOf(definitions), now);
}
