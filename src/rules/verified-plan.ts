import { PerennialError } from '../core/errors.js';
import { formatProblem, type Problem } from '../core/problem.js';
import type { LoadedRules } from './load.js';
import { compileRuleSet, type Plan } from './plan.js';
import { type Difference, verifyPlan } from './verify.js';

/** Why a rule set can't go live. */
export interface Refusal {
  /** One sentence. */
  readonly reason: string;
  /** Every problem, as file:line:column; empty when the files could not be read, or a rule differs. */
  readonly problems: readonly Problem[];
  /** Rules on which the compiled plan and json-rules-engine differ. */
  readonly differences: readonly Difference[];
}

/** Compiles and verifies what was loaded: the only way for a set to go live. */
export async function verifiedPlan({ set, problems }: LoadedRules): Promise<Plan | Refusal> {
  if (set === undefined) {
    const errors = problems.filter(({ severity }) => severity === 'error');
    return { reason: countOf(errors.length, 'problem'), problems: errors, differences: [] };
  }
  const plan = compileRuleSet(set);
  const differences = await verifyPlan(plan);
  if (differences.length === 0) return plan;
  return {
    reason: `${countOf(differences.length, 'rule')} would not do what json-rules-engine does`,
    problems: [],
    differences,
  };
}

/** A difference in a sentence, with the facts that show it. */
export function differenceInWords({ what, facts, reference, plan, error }: Difference): string {
  const outcome = (held: boolean | null): string =>
    held === null ? 'fails' : held ? 'fires' : 'does not fire';
  const cause = error === undefined ? '' : ` (${error})`;
  return `${what}: json-rules-engine ${outcome(reference)}, the plan ${outcome(plan)}${cause}, for ${JSON.stringify(facts)}`;
}

function countOf(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** A refusal as `invalid_file`, with everything that is wrong. `folder`: where the files stand, for their paths. */
export function refusalError({ reason, problems, differences }: Refusal, folder: string): PerennialError {
  const lines = [
    ...problems.map((problem) => formatProblem({ ...problem, file: `${folder}/${problem.file}` })),
    ...differences.map(differenceInWords),
  ];
  return new PerennialError('invalid_file', lines.join('\n'), {
    hint: `${reason} in ${folder}; perennial rules check ${folder} says the same, and warns of more.`,
  });
}
