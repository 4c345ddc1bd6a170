import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { PerennialError } from '../core/errors.js';
import { revisionOf } from '../core/identity.js';
import { makeFolder } from '../core/make-folder.js';
import { readTextFiles } from '../core/text-files.js';
import { isRuleSetFile, ruleSetFiles } from '../rules/rule-folder.js';

export interface Restored {
  readonly written: readonly string[];
  readonly removed: readonly string[];
}

/**
 * Makes the rule set in a folder the one that these files are: what else is in it that belongs to a rule set would stay live
 * beside them, so it is taken away with `replace`, and refused without. Rule tests and all other files stay. Throws
 * `invalid_file`, or `failed_precondition` when the folder does not become what it should.
 */
export function restoreRules(folder: string, files: ReadonlyMap<string, string>, replace: boolean): Restored {
  const odd = [...files.keys()].find((path) => !isRuleSetFile(path) || path.split('/').includes('..'));
  if (odd !== undefined) {
    throw new PerennialError(
      'failed_precondition',
      `The revision holds ${odd}, which is no file of a rule set.`,
    );
  }
  makeFolder(folder);
  const present = ruleSetFiles(readTextFiles(folder));
  const removed = [...present.keys()].filter((path) => !files.has(path));
  if (removed.length > 0 && !replace) {
    throw new PerennialError(
      'invalid_file',
      `${folder} holds ${removed.join(', ')}, which the revision does not have and which would stay live beside it. Nothing was written.`,
      { hint: 'Add --replace to take them away, or write into another folder.' },
    );
  }
  const written = [...files].flatMap(([path, text]) => (present.get(path) === text ? [] : [path]));
  for (const path of written) {
    const target = join(folder, path);
    makeFolder(dirname(target));
    // Renamed into its place, so that nobody reads half of it.
    const half = join(dirname(target), `.${basename(path)}.new`);
    writeFileSync(half, files.get(path)!);
    renameSync(half, target);
  }
  for (const path of removed) rmSync(join(folder, path));
  const now = revisionOf(ruleSetFiles(readTextFiles(folder)));
  if (now !== revisionOf(files)) {
    throw new PerennialError(
      'failed_precondition',
      `${folder} now holds ${now}: something else writes there too.`,
    );
  }
  return { written, removed };
}
