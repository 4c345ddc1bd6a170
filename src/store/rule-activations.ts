import { TextBuilder, TextListBuilder, TimeBuilder } from '../columns/arrow-builder.js';
import type { Millis } from '../core/clock.js';
import { type LiveNames, liveNamesOf } from '../rules/admission.js';
import type { RuleSet } from '../rules/rule-set.js';
import { column, encodeRows, insertRows } from './encoded-rows.js';
import { recordRevision } from './revisions.js';
import type { Store } from './store.js';

export interface RuleActivation extends LiveNames {
  readonly activatedAt: Millis;
}

/** The rule set that went live last; undefined when none ever did. */
export async function readLastActivation(store: Store): Promise<RuleActivation | undefined> {
  const [last] = await store.rows<RuleActivation>(
    `SELECT revision, rules, guardrails, rates, toUnixTimestamp64Milli(activated_at) AS activatedAt
     FROM rule_activations ORDER BY activated_at DESC, revision LIMIT 1`,
  );
  return last;
}

/**
 * Records that a rule set goes live, unless it is live already: a role that starts again and again must not fill the table. Its
 * files are stored before, so that whatever went live can be loaded again.
 */
export async function recordActivation(store: Store, set: RuleSet, activatedAt: Millis): Promise<void> {
  const last = await readLastActivation(store);
  // One that was recorded before rates were kept is recorded again.
  if (last?.revision === set.revision && last.rates.length > 0) return;
  await recordRevision(store, {
    kind: 'rules',
    revision: set.revision,
    recordedAt: activatedAt,
    features: [],
    files: Object.fromEntries(set.files),
  });
  await insertRows(
    store,
    encodeRows<RuleActivation>(
      'rule_activations',
      [
        column('activated_at', new TimeBuilder(), (a: RuleActivation) => a.activatedAt),
        column('revision', new TextBuilder(), (a: RuleActivation) => a.revision),
        column('rules', new TextListBuilder(), (a: RuleActivation) => a.rules),
        column('guardrails', new TextListBuilder(), (a: RuleActivation) => a.guardrails),
        column('rates', new TextListBuilder(), (a: RuleActivation) => a.rates),
      ],
      [{ ...liveNamesOf(set), activatedAt }],
    ),
  );
}
