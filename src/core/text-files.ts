import { type Dirent, readdirSync, readFileSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock, Millis } from './clock.js';
import { PerennialError } from './errors.js';

/** The files of a folder and those below it, without hidden ones, at one moment. */
export interface FolderListing {
  readonly folder: string;
  /** Relative to the folder, with "/" between names, in order of path. */
  readonly paths: readonly string[];
  /** Differs from that of another moment when a file came, went, was replaced or was written to. */
  readonly stamp: string;
  /** When a file was last written, put there or taken away, as the file system says. */
  readonly newest: Millis;
}

/** Lists a folder. Throws `not_found` when it can't be read. */
export function listFolder(folder: string): FolderListing {
  return reading(folder, () => {
    const entries = entriesBelow(folder);
    // A file that was taken away is seen by the time of the folder that held it.
    const folders = [folder, ...entries.filter((entry) => entry.isDirectory()).map(pathOf)];
    const found = entries
      .filter((entry) => entry.isFile() || entry.isSymbolicLink())
      .map((entry) => pathOf(entry).slice(join(folder, '/').length).replaceAll('\\', '/'))
      .filter((path) => !path.split('/').some((part) => part.startsWith('.')))
      .sort()
      .flatMap((path): { path: string; stats: Stats }[] => {
        const stats = statSync(join(folder, path));
        return stats.isFile() ? [{ path, stats }] : [];
      });
    return {
      folder,
      paths: found.map(({ path }) => path),
      stamp: found
        .map(({ path, stats: { ino, size, mtimeMs, ctimeMs } }) =>
          [path, ino, size, mtimeMs, ctimeMs].join(' '),
        )
        .join('\n'),
      newest: [
        ...found.map(({ stats }) => Math.max(stats.mtimeMs, stats.ctimeMs)),
        ...folders.map((path) => statSync(path).mtimeMs),
      ].reduce((a, b) => Math.max(a, b), 0),
    };
  });
}

function pathOf({ parentPath, name }: Dirent): string {
  return join(parentPath, name);
}

/** Whether a file is read at all: YAML or JSON, however its ending is written. */
export function isTextFile(path: string): boolean {
  return /\.(ya?ml|json)$/i.test(path);
}

/**
 * The YAML and JSON files of a folder and those below it, by path relative to the folder with "/" between names, in order of
 * path. Hidden ones are left out. Throws `not_found` when the folder can't be read.
 */
export function readTextFiles(folder: string): ReadonlyMap<string, string> {
  return readAll(listFolder(folder));
}

/** The text files of a listing, or undefined when the folder is no longer as it was listed. */
export function readListed(listing: FolderListing): ReadonlyMap<string, string> | undefined {
  const files = readAll(listing);
  return listFolder(listing.folder).stamp === listing.stamp ? files : undefined;
}

function readAll({ folder, paths }: FolderListing): ReadonlyMap<string, string> {
  return reading(
    folder,
    () => new Map(paths.filter(isTextFile).map((path) => [path, readFileSync(join(folder, path), 'utf8')])),
  );
}

/** What a folder held when nothing in it was being written. */
export interface SettledFolder {
  readonly listing: FolderListing;
  readonly files: ReadonlyMap<string, string>;
}

export interface SettleOptions {
  /** For so long nothing may have been written. */
  readonly settleMs: number;
  readonly clock: Clock;
  /** Longest wait for that. @default thirty times `settleMs` */
  readonly mostMs?: number;
}

/**
 * Reads a folder once sizes and times of its files have stood still, so that a file that is just being written is never taken
 * for a whole one. Does not wait where the file system says that nothing was written lately. Throws `not_found` when the
 * folder can't be read, and `failed_precondition` when it does not come to rest.
 */
export async function readSettledFiles(folder: string, options: SettleOptions): Promise<SettledFolder> {
  const { settleMs, clock, mostMs = 30 * settleMs } = options;
  const began = clock();
  let listing = listFolder(folder);
  // The clock of a file server may be another one, so a file from the future is waited for like a new one.
  let settled = clock() - listing.newest >= settleMs;
  for (;;) {
    if (settled) {
      const files = readListed(listing);
      if (files !== undefined) return { listing, files };
    } else if (clock() - began >= mostMs) {
      throw new PerennialError('failed_precondition', `The files in ${folder} keep changing.`, {
        hint: `They are read once nothing has been written for ${settleMs} ms. Find out what writes there, and try again.`,
      });
    }
    await sleep(settleMs);
    const now = listFolder(folder);
    settled = now.stamp === listing.stamp;
    listing = now;
  }
}

/** Not `recursive` of Node: from some version on it goes through links, out of the folder. */
function entriesBelow(folder: string): Dirent[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? [entry, ...entriesBelow(join(folder, entry.name))] : [entry],
  );
}

function reading<T>(folder: string, read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    const { code, message } = thrown as NodeJS.ErrnoException;
    throw new PerennialError(
      'not_found',
      `Can't read the folder ${folder}: ${code === 'ENOTDIR' ? 'it is a file, and what is read is a folder with all that is in it.' : message}`,
      {
        hint: 'Name another one with PERENNIAL_RULES or PERENNIAL_SCORING, or the flags --rules and --scoring.',
        cause: thrown,
      },
    );
  }
}
