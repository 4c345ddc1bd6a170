import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PerennialError } from '../core/errors.js';
import { formatProblem } from '../core/problem.js';
import { readYaml } from '../core/yaml-file.js';
import { loadCatalogue, type SignalCatalogue } from '../signals/catalogue.js';

/** Reads the catalogue of signal types of a scoring folder. Throws `not_found`, or `invalid_file` with every problem. */
export function readCatalogueFile(scoringDir: string): SignalCatalogue {
  const path = join(scoringDir, 'signals.yaml');
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (thrown) {
    throw new PerennialError('not_found', `There is no signal catalogue ${path}.`, {
      hint: 'Set PERENNIAL_SCORING to the folder that holds signals.yaml.',
      cause: thrown,
    });
  }
  const { catalogue, problems } = loadCatalogue(readYaml(path, text));
  if (catalogue !== undefined) return catalogue;
  throw new PerennialError('invalid_file', `${path} is wrong:\n${problems.map(formatProblem).join('\n')}`);
}
