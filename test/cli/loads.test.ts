import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EXIT } from '../../src/cli/exit-codes.js';
import { projectFile } from '../support/project.js';
import { jsonLines, runCli } from '../support/run-cli.js';

/** 20 contracts, by a mapping that forgets that the amounts are monthly, and then by one that does not. */
const MAPPING = `source: crm
files:
  - match: contracts.csv
    subscriptions:
      - { account_id: '{id}', time: { at: file }, arr_minor: { value: '{monthly}', money: EUR, times: 12 }, currency: EUR }
`;
let folder: string;
let file: string;
const env = () => ({
  PERENNIAL_DATA: join(folder, 'data'),
  PERENNIAL_SCORING: projectFile('scoring'),
  PERENNIAL_RULES: projectFile('rules'),
  PERENNIAL_LOG_LEVEL: 'silent',
});
const cli = (...args: string[]) => runCli(args, env());
const arr = async () =>
  jsonLines(
    (await cli('sql', 'SELECT sum(arr_minor) AS arr, count() AS n FROM subscriptions', '--json')).stdout,
  )[0];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-loads-'));
  file = join(folder, 'contracts.csv');
  writeFileSync(file, `id,monthly\n${Array.from({ length: 20 }, (_, i) => `a${i},10`).join('\n')}\n`);
  writeFileSync(join(folder, 'right.yaml'), MAPPING);
  writeFileSync(join(folder, 'wrong.yaml'), MAPPING.replace(', times: 12', ''));
});
afterAll(() => rmSync(folder, { recursive: true }));

test('a wrong mapping is corrected by importing with the right one, and by undoing a load', async () => {
  const wrong = await cli('import', join(folder, 'wrong.yaml'), file, '--json');
  expect(jsonLines(wrong.stdout)[0]).toMatchObject({ new: 20, corrected: 0 });
  const right = await cli('import', join(folder, 'right.yaml'), file);
  expect(right.code).toBe(EXIT.ok);
  expect(right.stdout).toMatch(/subscriptions +0 +0 +20 +0\n/);
  expect(await arr()).toEqual({ arr: 240_000, n: 20 });

  const listed = jsonLines((await cli('loads', 'list', '--json')).stdout);
  expect(listed.map(({ status, counts }) => [status, (counts as { corrected: number }).corrected])).toEqual([
    ['done', 20],
    ['done', 0],
  ]);
  const id = String(listed[0]!.id);
  expect((await cli('loads', 'show', id)).stdout).toMatch(/^source +crm$/m);
  expect((await cli('loads', 'undo', id, '--dry-run')).stdout).toContain('concerns 20 records');
  expect(await arr()).toEqual({ arr: 240_000, n: 20 });
  const undone = await cli('loads', 'undo', id, '--reason', 'after all');
  expect(undone.stdout).toBe(
    'Undone: 20 records of it are gone, 20 hold again as before.\nNobody was scored yet.\n',
  );
  expect(await arr()).toEqual({ arr: 20_000, n: 20 });
  expect((await cli('loads', 'list')).stdout).toMatch(/undone/);
});

test('refuses loads that are not there, and a replacement in a dry run', async () => {
  expect((await cli('loads', 'undo', 'l-0')).code).toBe(EXIT.notFound);
  expect((await cli('loads', 'show', 'l-0')).code).toBe(EXIT.notFound);
  expect((await cli('import', join(folder, 'right.yaml'), file, '--dry-run', '--replace')).code).toBe(
    EXIT.usage,
  );
});
