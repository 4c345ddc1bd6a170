import { PerennialError } from '../core/errors.js';
import { loadRuleSet, type RuleCatalogue } from '../rules/load.js';
import { readRevision } from '../store/revisions.js';
import type { Store } from '../store/store.js';
import type { RulesFolder } from './rules-folder.js';

/** A rule set that the store has kept, checked against the facts of now. Throws `not_found`. */
export async function readStoredRules(
  store: Store,
  catalogue: RuleCatalogue,
  revision: string,
): Promise<RulesFolder> {
  const record = await readRevision(store, 'rules', revision);
  if (record === undefined) {
    throw new PerennialError('not_found', `The store has no rule set of revision ${revision}.`, {
      hint: 'perennial rules history lists those it has.',
    });
  }
  const files = new Map(Object.entries(record.files));
  return { folder: revision, files, catalogue, ...loadRuleSet(files, catalogue) };
}

/** Whether an argument names a revision, and not a folder. */
export function isRevision(text: string): boolean {
  return /^[0-9a-f]{12}$/.test(text);
}
