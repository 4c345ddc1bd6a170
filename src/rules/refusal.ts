import { PerennialError } from '../core/errors.js';
import { formatProblem, type Problem } from '../core/problem.js';
import type { Difference } from './verify.js';

/** Why a rule set can't go live. */
export interface Refusal {
  /** One sentence, without its full stop. */
  readonly reason: string;
  /** What to do, where that does not follow from the problems. */
  readonly hint?: string;
  /** Every problem, as file:line:column; empty when the files could not be read, or a rule differs. */
  readonly problems: readonly Problem[];
  /** Rules on which the compiled plan and json-rules-engine differ. */
  readonly differences: readonly Difference[];
}

/** A refusal for a reason that no line of a file is to blame for. */
export function refusal(reason: string, hint?: string): Refusal {
  return { reason, problems: [], differences: [], ...(hint === undefined ? {} : { hint }) };
}

/** Everything that is wrong, a line each. `folder`: where the files stand, for their paths. */
export function refusalLines({ problems, differences }: Refusal, folder?: string): string[] {
  return [
    ...problems.map((problem) =>
      formatProblem(folder === undefined ? problem : { ...problem, file: `${folder}/${problem.file}` }),
    ),
    ...differences.map(differenceInWords),
  ];
}

/** A refusal as `invalid_file`, with everything that is wrong and what to do. */
export function refusalError(refused: Refusal, folder: string): PerennialError {
  const { reason, hint } = refused;
  const lines = refusalLines(refused, folder);
  const checks = `${reason} in ${folder}; perennial rules check ${folder} says the same, and warns of more.`;
  return new PerennialError('invalid_file', lines.length > 0 ? lines.join('\n') : `${folder}: ${reason}.`, {
    hint: hint ?? checks,
  });
}

/** A difference in a sentence, with the facts that show it. */
export function differenceInWords({ what, facts, reference, plan, error }: Difference): string {
  const outcome = (held: boolean | null): string =>
    held === null ? 'fails' : held ? 'fires' : 'does not fire';
  const cause = error === undefined ? '' : ` (${error})`;
  return `${what}: json-rules-engine ${outcome(reference)}, the plan ${outcome(plan)}${cause}, for ${JSON.stringify(facts)}`;
}
