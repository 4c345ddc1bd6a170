import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EXIT } from '../../src/cli/exit-codes.js';
import { projectFile } from '../support/project.js';
import { runCli } from '../support/run-cli.js';
import { copyStore } from '../support/temp-store.js';

const folder = mkdtempSync(join(tmpdir(), 'perennial-rejected-'));
const file = join(folder, 'records.ndjson');
const env = {
  PERENNIAL_DATA: join(folder, 'data'),
  PERENNIAL_SCORING: projectFile('scoring'),
  PERENNIAL_LOG_LEVEL: 'silent',
};
const cli = (...args: string[]) => runCli(['rejected', ...args], env);
const lines = (output: string) => output.trimEnd().split('\n');

beforeAll(async () => {
  await copyStore(env.PERENNIAL_DATA);
  const outcome = { kind: 'renewed', id: '1', source: 'crm', account_id: 'a', time: '2025-01-01T00:00:00Z' };
  writeFileSync(
    file,
    `{"broken \u001b[2J\n${JSON.stringify({ ...outcome, colour: 'red' })}\n"${'x'.repeat(3_000)}"\n`,
  );
  expect((await runCli(['ingest', file], env)).code).toBe(EXIT.rejected);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('list says where, what, which field, and whether there are more', async () => {
  const { code, stdout } = await cli('list', '--limit', '2');
  expect(code).toBe(EXIT.ok);
  expect(lines(stdout)).toEqual([
    expect.stringMatching(/records\.ndjson:1: .*not JSON.* \[not_json\]$/),
    expect.stringMatching(/records\.ndjson:2: .*\(colour\) \[unknown_field\]$/),
    'There are more: raise --limit, or see --count.',
  ]);
});

it('list --raw shows messages, without what would steer a terminal, and not endlessly', async () => {
  const { stdout } = await cli('list', '--raw');
  expect(stdout).toContain('{"broken \\x1b[2J');
  expect(stdout).not.toContain('\u001b');
  expect(stdout).toContain('… (3002 bytes; --json has them all)');
});

// Bug: --count told of all rejections, whatever else was asked for.
it('list --count counts what the other options choose', async () => {
  const count = async (...args: string[]) =>
    lines((await cli('list', '--count', '--json', ...args)).stdout)
      .filter((line) => line !== '')
      .map((line) => (JSON.parse(line) as { reason: string; count: number }).reason)
      .sort();
  expect(await count()).toEqual(['not_an_object', 'not_json', 'unknown_field']);
  expect(await count('--reason', 'not_json')).toEqual(['not_json']);
  expect(await count('--topic', 'elsewhere')).toEqual([]);
  expect(await count('--since', '2100-01-01')).toEqual([]);
});

it('replay ends with 7 while something cannot be read, and says what', async () => {
  const { code, stdout } = await cli('replay', '--reason', 'unknown_field');
  expect(code).toBe(EXIT.rejected);
  expect(stdout).toContain('Read 1 rejected messages again: 0 are stored now.');
  expect(stdout).toContain('1 still rejected: unknown_field');
});
