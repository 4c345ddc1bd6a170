import { byPlace, type Problem } from '../core/problem.js';
import { type LiveNames, objectionTo } from '../rules/admission.js';
import { checkPresentValues } from '../rules/check-present.js';
import { type LoadedRules, loadRuleSet, type RuleCatalogue } from '../rules/load.js';
import { compileRuleSet } from '../rules/plan.js';
import type { Refusal } from '../rules/refusal.js';
import { type Difference, verifyPlan } from '../rules/verify.js';
import type { PresentValues } from '../store/present-values.js';
import { loadRuleTests } from './load-tests.js';

export interface CheckOptions {
  /** The set that is live; null: none. */
  readonly live: LiveNames | null;
  /** What the subscriptions of the store have. Absent: values that nobody has are not looked for. */
  readonly present?: PresentValues;
  /** Whether json-rules-engine is run beside the compiled rules. */
  readonly verify: boolean;
}

export interface CheckedRules extends LoadedRules {
  readonly differences: readonly Difference[];
}

/** Everything that can be known of the files of a rule set and its tests, by path relative to the rules folder. */
export async function checkRules(
  files: ReadonlyMap<string, string>,
  catalogue: RuleCatalogue,
  { live, present, verify }: CheckOptions,
): Promise<CheckedRules> {
  const { set, problems } = loadRuleSet(files, catalogue);
  if (set === undefined) return { set, problems, differences: [] };
  const objection = objectionTo(set, live);
  const all = [
    ...problems,
    ...(objection === undefined ? [] : [problemOfSet(objection)]),
    ...(present === undefined ? [] : checkPresentValues(files, present)),
    ...loadRuleTests(files, set).problems,
  ].sort(byPlace);
  if (objection !== undefined) return { set: undefined, problems: all, differences: [] };
  return { set, problems: all, differences: verify ? await verifyPlan(compileRuleSet(set)) : [] };
}

/** What is wrong with the set as a whole, placed at the folder. */
export function problemOfSet({ reason, hint }: Refusal): Problem {
  const message = `${reason}. ${hint ?? ''}`.trim();
  return { severity: 'error', code: 'not-admitted', message, file: '', line: 1, column: 1 };
}

/** A file beside the rules that nobody reads. */
export function unreadProblem(file: string): Problem {
  const message =
    'This file is not read: files of rules end in .yaml, .yml or .json. Rename it, or take it away.';
  return { severity: 'warning', code: 'unread-file', message, file, line: 1, column: 1 };
}
