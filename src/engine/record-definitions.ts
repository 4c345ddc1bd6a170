import type { Millis } from '../core/clock.js';
import { featureNames } from '../scoring/evaluate.js';
import { recordRevision } from '../store/revisions.js';
import type { Store } from '../store/store.js';
import type { Definitions } from './definitions.js';

/** Keeps the files in the store, before anything is stored under their revisions. Known ones stay as they are. */
export async function recordDefinitions(
  store: Store,
  { scoring, plan }: Definitions,
  recordedAt: Millis,
): Promise<void> {
  await recordRevision(store, {
    kind: 'scoring',
    revision: scoring.revision,
    recordedAt,
    features: featureNames(scoring.catalogue),
    files: Object.fromEntries(scoring.files),
  });
  await recordRevision(store, {
    kind: 'rules',
    revision: plan.set.revision,
    recordedAt,
    features: [],
    files: Object.fromEntries(plan.set.files),
  });
}
