import { PerennialError } from '../core/errors.js';
import { formatProblem } from '../core/problem.js';
import { readTextFiles } from '../core/text-files.js';
import { loadScoring, type Scoring } from '../scoring/load.js';

/** Throws `invalid_file` with every problem. */
export function scoringIn(folder: string): Scoring {
  return scoringOfFiles(readTextFiles(folder), folder);
}

/** The scoring of a folder, with one scorecard for everyone in place of those it has. */
export function scoringWithCard(folder: string, card: string): Scoring {
  const files = new Map([...readTextFiles(folder)].filter(([name]) => !name.startsWith('scorecards/')));
  return scoringOfFiles(files.set('scorecards/only.yaml', card), folder);
}

function scoringOfFiles(files: ReadonlyMap<string, string>, folder: string): Scoring {
  const { scoring, problems } = loadScoring(files, folder);
  if (scoring === undefined) throw new PerennialError('invalid_file', problems.map(formatProblem).join('\n'));
  return scoring;
}
