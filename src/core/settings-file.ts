import { readFileSync } from 'node:fs';
import { PerennialError } from './errors.js';
import { didYouMean } from './nearest-name.js';
import { formatProblem, type Problem } from './problem.js';
import { problemAt, readYaml, type YamlFile } from './yaml-file.js';

/**
 * Settings from a YAML file, by their names in the environment. Throws `invalid_argument` when there is no such file, and
 * `invalid_file` with the place of everything that is wrong in it.
 */
export function readSettingsFile(path: string, known: readonly string[]): Record<string, string> {
  const file = readYaml(path, textOf(path));
  const problems = [...file.problems];
  const settings: Record<string, string> = {};
  for (const [name, value] of entriesOf(file, problems)) {
    const text = textOfValue(file, name, value);
    if (!known.includes(name)) problems.push(unknownSetting(file, name, known));
    else if (text !== undefined) settings[name] = text;
    else if (value !== null)
      problems.push(problemAt(file, [name], 'schema', `\`${name}\` has to be a text, a number or a truth.`));
  }
  if (problems.length === 0) return settings;
  throw new PerennialError('invalid_file', `${path} is wrong:\n${problems.map(formatProblem).join('\n')}`);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new PerennialError(
      'invalid_argument',
      `PERENNIAL_CONFIG names a file that can't be read: ${path}`,
      {
        cause,
      },
    );
  }
}

function entriesOf(file: YamlFile, problems: Problem[]): [string, unknown][] {
  const { value } = file;
  // A file of comments only says nothing, which is fine.
  if (value === undefined || value === null) return [];
  if (typeof value === 'object' && !Array.isArray(value)) return Object.entries(value);
  problems.push(problemAt(file, [], 'schema', 'The file has to be a list of settings, each as NAME: value.'));
  return [];
}

/** As it was written: 0123 and 1e3 are what the setting makes of them. */
function textOfValue(file: YamlFile, name: string, value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean'
    ? (file.rawOf([name]) ?? String(value))
    : undefined;
}

function unknownSetting(file: YamlFile, name: string, known: readonly string[]): Problem {
  const suggestion = didYouMean(name, known);
  return problemAt(file, [name], 'unknown-key', `There is no setting \`${name}\`.`, {
    key: true,
    ...(suggestion === undefined ? {} : { suggestion }),
  });
}
