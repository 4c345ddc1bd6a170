import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * Makes a folder and those above it that are missing. Not by `recursive` of Node: where a parent is there and yet takes no folder, as
 * /proc, that one turns for ever.
 */
export function makeFolder(folder: string, mode?: number): void {
  const missing: string[] = [];
  let above = resolve(folder);
  for (; !existsSync(above); above = dirname(above)) missing.push(above);
  if (missing.length === 0 && !statSync(above).isDirectory()) throw notAFolder(above);
  for (const path of missing.reverse()) {
    try {
      mkdirSync(path, mode);
    } catch (thrown) {
      // Another process was faster.
      if (!isFolder(path)) throw thrown;
    }
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function notAFolder(path: string): Error {
  return Object.assign(new Error(`${path} is no folder`), { code: 'EEXIST' });
}
