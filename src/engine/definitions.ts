import { PerennialError } from '../core/errors.js';
import { formatProblem, type Problem } from '../core/problem.js';
import { readTextFiles } from '../core/text-files.js';
import { checkFeatureSql } from '../features/read-features.js';
import type { Plan } from '../rules/plan.js';
import { differenceInWords, readPlan } from '../rules/rule-watcher.js';
import { loadScoring, type Scoring } from '../scoring/load.js';
import type { Store } from '../store/store.js';
import { factCatalogue } from './facts.js';

/** The files that say how to score and what to decide, read, checked and compiled. Immutable. */
export interface Definitions {
  readonly scoring: Scoring;
  readonly plan: Plan;
}

/**
 * Reads scoring/ and rules/ and checks both: feature SQL by the engine itself, rules also against json-rules-engine. Throws `invalid_file` with every
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
  const read = await readPlan(rulesFolder, { facts: factCatalogue(scoring.catalogue) });
  if ('reason' in read) {
    const problems = read.problems.map((problem) => ({ ...problem, file: `${rulesFolder}/${problem.file}` }));
    throw invalid(problems, read.differences.map(differenceInWords));
  }
  return { scoring, plan: read };
}

function invalid(problems: readonly Problem[], others: readonly string[] = []): PerennialError {
  const lines = [...problems.map(formatProblem), ...others];
  return new PerennialError('invalid_file', lines.join('\n'), {
    hint: `${lines.length === 1 ? 'One problem' : `${lines.length} problems`} to fix before anything is scored.`,
  });
}
