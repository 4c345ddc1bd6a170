import { mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** A folder of this run alone. */
    runFolder: string;
  }
}

const MEMORY = '/dev/shm';
/** Some times what a run has in its files at once. */
const ENOUGH_BYTES = 4 * 1024 ** 3;

/**
 * A temporary folder for this run, removed when it ends: what tests leave behind goes with it. It is in memory where there is enough,
 * unless TMPDIR names a place: making a store is making hundreds of small files, each waited for on a disk (ADR 0272).
 */
export default function setup(project: TestProject): void {
  // Each project asks; they share one, and processes that tests start inherit it.
  process.env.RUN_FOLDER ??= makeRunFolder();
  process.env.TMPDIR = process.env.RUN_FOLDER;
  project.provide('runFolder', process.env.RUN_FOLDER);
}

function makeRunFolder(): string {
  const place = process.env.TMPDIR === undefined && memoryTakes(ENOUGH_BYTES) ? MEMORY : tmpdir();
  // Short: the paths of Unix sockets have 107 letters at most.
  const folder = mkdtempSync(join(place, 'perennial-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function memoryTakes(bytes: number): boolean {
  try {
    const mounted = readFileSync('/proc/mounts', 'utf8').match(/^\S+ \/dev\/shm tmpfs (\S+)/m);
    // Some tests run what they compile.
    if (mounted === null || mounted[1]!.split(',').includes('noexec')) return false;
    const { bavail, bsize } = statfsSync(MEMORY);
    return bavail * bsize >= bytes;
  } catch {
    // Not Linux.
    return false;
  }
}
