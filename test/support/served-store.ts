import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectFile } from './project.js';

/** `perennial` as `npm test` has built it. */
export const PERENNIAL = projectFile('dist/cli/main.js');

/** The embedded engine behind ClickHouse's HTTP interface, in a process of its own, over a directory that goes away on `close`. */
export async function servedStore(
  ...flags: readonly string[]
): Promise<{ url: string; close(): Promise<void> }> {
  const dataDir = mkdtempSync(join(tmpdir(), 'perennial-served-'));
  const args = [PERENNIAL, 'clickhouse', '--data', dataDir, '--listen', '127.0.0.1:0', '--json', ...flags];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const { url } = JSON.parse(line.toString()) as { url: string };
  return {
    url,
    async close() {
      child.kill('SIGTERM');
      await exited;
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
