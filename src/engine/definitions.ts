import { PerennialError } from '../core/errors.js';
import { formatProblem, type Problem } from '../core/problem.js';
import { readTextFiles } from '../core/text-files.js';
import { checkFeatureSql } from '../features/check-feature-sql.js';
import { loadRuleSet } from '../rules/load.js';
import type { Plan } from '../rules/plan.js';
import { refusalError, verifiedPlan } from '../rules/verified-plan.js';
import { loadScoring, type Scoring } from '../scoring/load.js';
import type { Store } from '../store/store.js';
import { factCatalogue } from './facts.js';

/** The files that say how to score and what to decide, read, checked and compiled. Immutable. */
export interface Definitions {
  readonly scoring: Scoring;
  readonly plan: Plan;
}

/**
 * Reads scoring/ and rules/ and checks both: feature SQL by the store's engine, compiled rules beside json-rules-engine. Throws `invalid_file` with every
 * problem as file:line:column.
 */
export async function loadDefinitions(
  store: Store,
  scoringFolder: string,
  rulesFolder: string,
): Promise<Definitions> {
  const { scoring, problems } = loadScoring(readTextFiles(scoringFolder), scoringFolder);
  if (scoring === undefined) throw invalid(problems);
  const sqlProblems = await checkFeatureSql(store, scoring.catalogue);
  if (sqlProblems.length > 0) throw invalid(sqlProblems);
  const facts = factCatalogue(scoring.catalogue);
  const plan = await verifiedPlan(loadRuleSet(readTextFiles(rulesFolder), { facts }));
  if ('reason' in plan) throw refusalError(plan, rulesFolder);
  return { scoring, plan };
}

function invalid(problems: readonly Problem[]): PerennialError {
  return new PerennialError('invalid_file', problems.map(formatProblem).join('\n'), {
    hint: `${problems.length === 1 ? 'One problem' : `${problems.length} problems`} to fix before anything is scored.`,
  });
}
