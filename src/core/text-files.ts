import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PerennialError } from './errors.js';

/**
 * The YAML and JSON files of a folder and those below it, by path relative to the folder with "/" between names, in order of
 * path. Hidden ones are left out. Throws `not_found` when the folder can't be read.
 */
export function readTextFiles(folder: string): ReadonlyMap<string, string> {
  try {
    const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() || entry.isSymbolicLink())
      .map((entry) =>
        join(entry.parentPath, entry.name).slice(join(folder, '/').length).replaceAll('\\', '/'),
      )
      .filter((path) => /\.(ya?ml|json)$/.test(path) && !path.split('/').some((part) => part.startsWith('.')))
      .sort();
    return new Map(paths.map((path) => [path, readFileSync(join(folder, path), 'utf8')]));
  } catch (thrown) {
    throw new PerennialError(
      'not_found',
      `Can't read the folder ${folder}: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
      {
        hint: 'Name another one with PERENNIAL_RULES or PERENNIAL_SCORING, or the flags --rules and --scoring.',
        cause: thrown,
      },
    );
  }
}
