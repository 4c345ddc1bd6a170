import { randomUUID } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PerennialError } from '../../core/errors.js';
import { makeFolder } from '../../core/make-folder.js';

/** In the names of what this process leaves in a data directory. The number of a process is not enough: in a container it is the same each time. */
const OURS = randomUUID();

/** A new name, in a folder of the data directory, for a file or folder that goes when it is done with. */
export function ownPath(folder: string, ending = ''): string {
  return join(folder, `${OURS}.${randomUUID()}${ending}`);
}

/**
 * Makes the folder, and removes what processes before this one have left in it. To be called once the engine is open: it lets one
 * process at a time have the data directory, so nobody else's is in use.
 */
export function sweepFolder(folder: string): void {
  makeFolder(folder, 0o700);
  for (const name of readdirSync(folder))
    if (!name.startsWith(OURS)) rmSync(join(folder, name), { recursive: true, force: true });
}

/** What is the matter with the disk of a file that could not be written; undefined: it is something else. */
export function diskFault(thrown: unknown): string | undefined {
  const { code = '' } = thrown as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') return `The disk is full (${code})`;
  if (code === 'EROFS' || code === 'EIO') return `The disk can't be written to (${code})`;
  return undefined;
}

/** Writes a file on its way to the engine. Throws `unavailable` when the disk takes no more, as the engine's own writes do. */
export async function writeOwnFile(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeFile(path, bytes);
  } catch (cause) {
    const fault = diskFault(cause);
    if (fault === undefined) throw cause;
    throw new PerennialError('unavailable', `${fault}: ${path} could not be written.`, {
      hint: 'Free or enlarge the disk of the data directory; `perennial doctor` says which tables are large. The same rows are taken then.',
      cause,
    });
  }
}
