import { type LiveNames, objectionTo } from './admission.js';
import type { LoadedRules } from './load.js';
import { compileRuleSet, type Plan } from './plan.js';
import { type Refusal, refusal } from './refusal.js';
import { verifyPlan } from './verify.js';

/**
 * Compiles and verifies what was loaded: the only way for a set to go live. `live`: what the set holds that is or was live
 * before; null: none was yet.
 */
export async function verifiedPlan(
  { set, problems }: LoadedRules,
  live: LiveNames | null,
): Promise<Plan | Refusal> {
  if (set === undefined) {
    const errors = problems.filter(({ severity }) => severity === 'error');
    return { ...refusal(countOf(errors.length, 'problem')), problems: errors };
  }
  const objection = objectionTo(set, live);
  if (objection !== undefined) return objection;
  const plan = compileRuleSet(set);
  const differences = await verifyPlan(plan);
  if (differences.length === 0) return plan;
  return {
    ...refusal(`${countOf(differences.length, 'rule')} would not do what json-rules-engine does`),
    differences,
  };
}

function countOf(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
