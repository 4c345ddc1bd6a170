import { readTextFiles } from '../../src/core/text-files.js';
import { loadScoring, type Scoring } from '../../src/scoring/load.js';
import { projectFile } from '../support/project.js';

/** The scoring that Perennial comes with. */
export function defaultScoring(): Scoring {
  return scoringOf(readTextFiles(projectFile('scoring')));
}

export function scoringOf(files: ReadonlyMap<string, string>): Scoring {
  const { scoring, problems } = loadScoring(files);
  if (scoring === undefined) throw new Error(JSON.stringify(problems));
  return scoring;
}

/** A feature catalogue with features `f0`, `f1`… of these kinds, cycling through the categories. */
export function featuresYaml(kinds: readonly ('number' | 'boolean')[]): string {
  const categories = ['usage', 'billing', 'support', 'marketing', 'contract'];
  const features = kinds.map(
    (type, i) =>
      `  - { name: f${i}, category: ${categories[i % 5]}, type: ${type}, value: '${type === 'number' ? 1 : true}', description: d, reason: r }`,
  );
  return `lookback_days: 400\nfeatures:\n${features.join('\n')}\n`;
}
