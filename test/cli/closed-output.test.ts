import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jsonLines, runCli } from '../support/run-cli.js';

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-'));
  const contract = {
    id: 'c',
    source: 'crm',
    type: 'subscription.updated',
    account_id: 'a',
    status: 'active',
  };
  const file = join(folder, 'in.ndjson');
  writeFileSync(file, JSON.stringify({ ...contract, time: '2025-01-01T00:00:00Z' }));
  expect((await runCli(['ingest', file, '--data', join(folder, 'data')])).code).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a command whose output is closed as soon as something has come. */
async function unread(...args: string[]): Promise<{ code: number | null; signal: string | null }> {
  const child = spawn(process.execPath, ['dist/cli/main.js', ...args, '--data', join(folder, 'data')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  child.stdout.once('data', () => child.stdout.destroy());
  const [code, signal] = (await exit) as [number | null, string | null];
  return { code, signal };
}

// Bug: the process ended at once, in the middle of a query of the engine: by SIGSEGV, with a third of the series kept.
describe('a reader that goes, as `head` does', () => {
  it('leaves a series of what-ifs whole', async () => {
    const series = ['--from', '2025-02-01', '--to', '2025-06-01', '--every', '7d', '--run', 'r'];
    expect(await unread('score', '--all', ...series)).toEqual({ code: 0, signal: null });
    const { stdout } = await runCli(['runs', 'list', '--json', '--data', join(folder, 'data')]);
    expect(jsonLines(stdout)).toHaveLength(18);
  });

  it('ends an answer that goes on for hours', async () => {
    const endless = 'SELECT number FROM system.numbers';
    expect(await unread('sql', endless)).toEqual({ code: 0, signal: null });
  });
});
