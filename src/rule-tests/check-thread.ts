import { LIMITS } from '../core/limits.js';
import type { Problem } from '../core/problem.js';
import type { LiveNames } from '../rules/admission.js';
import { type Change, diffRuleSets } from '../rules/diff.js';
import { loadRuleSet, type RuleCatalogue } from '../rules/load.js';
import { unreadFiles } from '../rules/rule-folder.js';
import type { Difference } from '../rules/verify.js';
import type { PresentValues } from '../store/present-values.js';
import { checkRules, unreadProblem } from './check-rules.js';

/** What `rule-checker.ts` has its thread do. */
export interface CheckTask {
  readonly files: ReadonlyMap<string, string>;
  readonly catalogue: RuleCatalogue;
  /** Names and files of the set that is live. */
  readonly live: { readonly names: LiveNames; readonly files: ReadonlyMap<string, string> };
  readonly present?: PresentValues;
}

export interface CheckedSet {
  /** Revision of a set that could go live; null: it could not. */
  readonly revision: string | null;
  /** The first ones, by place. */
  readonly problems: readonly Problem[];
  readonly differences: readonly Difference[];
  /** Against the live set, where the files are one. */
  readonly changes: readonly Change[];
}

/** What the thread runs. */
export default async function checked({ files, catalogue, live, present }: CheckTask): Promise<CheckedSet> {
  const { set, problems, differences } = await checkRules(files, catalogue, {
    live: live.names,
    verify: true,
    ...(present === undefined ? {} : { present }),
  });
  const unread = unreadFiles({ paths: [...files.keys()] }).map(unreadProblem);
  const before = set === undefined ? undefined : loadRuleSet(live.files, catalogue).set;
  return {
    revision: set !== undefined && differences.length === 0 ? set.revision : null,
    problems: [...problems, ...unread].slice(0, LIMITS.problemsOfSet),
    differences,
    changes: set === undefined || before === undefined ? [] : diffRuleSets(before, set),
  };
}
