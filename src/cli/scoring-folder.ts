import { readFileSync } from 'node:fs';
import { PerennialError } from '../core/errors.js';
import { formatProblem } from '../core/problem.js';
import { readTextFiles } from '../core/text-files.js';
import { loadScoring, type ScorecardText, type Scoring } from '../scoring/load.js';

/** Throws `invalid_file` with every problem. */
export function scoringIn(folder: string): Scoring {
  return scoringOfFiles(readTextFiles(folder), folder);
}

/** The scoring of a folder, with the scorecard of a file for everyone; it may extend those of the folder. */
export function scoringWithCard(folder: string, path: string): Scoring {
  return scoringOfFiles(readTextFiles(folder), folder, { path, text: cardText(folder, path) });
}

function cardText(folder: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    throw new PerennialError('not_found', `There is no scorecard file ${path}.`, {
      hint: `Scorecards are named by their files; those in use are in ${folder}.`,
      cause: thrown,
    });
  }
}

function scoringOfFiles(
  files: ReadonlyMap<string, string>,
  folder: string,
  only: ScorecardText | null = null,
): Scoring {
  const { scoring, problems } = loadScoring(files, folder, only);
  if (scoring === undefined) throw new PerennialError('invalid_file', problems.map(formatProblem).join('\n'));
  return scoring;
}
