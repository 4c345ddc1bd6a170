import { statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { PerennialError } from '../core/errors.js';

/** Writes a file that a flag names. */
export function writeFile(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (thrown) {
    throw unwritable(path, thrown);
  }
}

/** Refuses a file in a folder that is not there, before hours of work are done whose result has no place. */
export function checkFolderOf(path: string): void {
  const isFolder = statSync(dirname(path), { throwIfNoEntry: false })?.isDirectory() ?? false;
  if (!isFolder) throw unwritable(path, new Error(`there is no folder ${dirname(path)}`));
}

function unwritable(path: string, thrown: unknown): PerennialError {
  return new PerennialError(
    'invalid_argument',
    `Can't write ${path}: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
    { hint: 'Name a file in a folder that exists and may be written to.', cause: thrown },
  );
}
