import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EXIT } from '../../src/cli/exit-codes.js';
import { runCli } from '../support/run-cli.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'perennial-simulate-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const run = (...args: string[]) => runCli(args);
const lines = async (file: string) => (await readFile(file, 'utf8')).trimEnd().split('\n');

describe('perennial simulate', () => {
  const flags = ['--seed', '4', '--accounts', '20', '--days', '60'];

  test('writes four files, prints their line counts, and leaves no partial ones', async () => {
    const out = join(directory, 'deep', 'er');
    const { code, stdout, stderr } = await run('simulate', ...flags, '--out', out, '--json');
    expect(code).toBe(EXIT.ok);
    expect((await readdir(out)).sort()).toEqual([
      'outcomes.ndjson',
      'signals.ndjson',
      'subscriptions.ndjson',
      'truth.ndjson',
    ]);
    const printed = JSON.parse(stdout) as { lines: Record<string, number> };
    for (const [name, count] of Object.entries(printed.lines)) {
      expect((await lines(join(out, `${name}.ndjson`))).length, name).toBe(count);
    }
    expect(stderr).toContain('Simulating: 100 %');
  });

  test('writes both forms of a signal, with the names of the contract', async () => {
    await run('simulate', ...flags, '--out', directory);
    const signals = (await lines(join(directory, 'signals.ndjson'))).map(
      (line) => JSON.parse(line) as Record<string, unknown>,
    );
    const event = signals.find(({ type }) => type === 'billing.invoice_issued');
    expect(event).toMatchObject({
      specversion: '1.0',
      source: 'billing-service',
      data: { currency: expect.any(String) },
    });
    const plain = signals.find(({ type }) => type === 'active_users_reported');
    expect(plain).toMatchObject({
      category: 'usage',
      account_id: expect.stringMatching(/^acc-/),
      subscription_id: expect.stringMatching(/^sub-/),
      value: expect.any(Number),
      attributes: { seats_purchased: expect.any(String) },
    });
  });

  test('gives the same bytes for the same flags, and replaces the files of an earlier run', async () => {
    const [first, second] = [join(directory, 'a'), join(directory, 'b')];
    await run('simulate', ...flags, '--out', first);
    await run('simulate', '--seed', '5', '--accounts', '20', '--days', '60', '--out', second);
    const read = (folder: string) => readFile(join(folder, 'signals.ndjson'));
    expect((await read(first)).equals(await read(second))).toBe(false);
    await run('simulate', ...flags, '--out', second);
    expect((await read(first)).equals(await read(second))).toBe(true);
  });

  test('ends at the date it is given', async () => {
    await run('simulate', ...flags, '--end', '2024-07-01', '--out', directory);
    const times = (await lines(join(directory, 'signals.ndjson'))).map(
      (line) => (JSON.parse(line) as { time: string }).time,
    );
    expect(times.every((time) => time < '2024-07-01')).toBe(true);
    expect(times.some((time) => time > '2024-06-29')).toBe(true);
  });

  test.each([
    ['--accounts', '0'],
    ['--seed', 'x'],
    ['--end', 'soon'],
    ['--end', '2026-01-01T05:00:00Z'],
  ])('refuses %s %s', async (flag, value) => {
    const { code, stderr } = await run('simulate', flag, value, '--out', directory);
    expect(code).toBe(EXIT.usage);
    expect(stderr).toContain('must be');
    expect(await readdir(directory)).toEqual([]);
  });

  test('says so when the directory is a file', async () => {
    const file = join(directory, 'taken');
    await writeFile(file, '');
    const { code, stderr } = await run('simulate', ...flags, '--out', file);
    expect(code).toBe(EXIT.unavailable);
    expect(stderr).toContain(file);
  });
});
