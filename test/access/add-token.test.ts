import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseAccessFile } from '../../src/access/access-file.js';
import { tokenHash } from '../../src/access/token.js';
import { runCli } from '../support/run-cli.js';

const OLD = `{name: old, sha256: ${'a'.repeat(64)}, scopes: [read]}`;

describe('perennial token --into', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'perennial-token-'));
    file = join(folder, 'access.yaml');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const token = (...args: string[]) => runCli(['token', 'desk: two', '--scope', 'read', ...args]);

  // Bug: the documented `>> access.yaml` wrote an entry that stood under nothing, or under what came last.
  it.each([
    ['is not there', undefined, []],
    ['is empty', '', []],
    ['has comments only', '# ours\n', []],
    ['has other things', 'calls_per_second: 5', []],
    ['has no tokens yet', '# ours\ntokens:\n', []],
    ['has an empty list', 'tokens: []\n', []],
    ['has tokens', `tokens:\n  - ${OLD} # theirs\n`, ['old']],
    ['has tokens in one line', `tokens: [${OLD}]\n`, ['old']],
    [
      'goes on after them',
      `tokens:\n  - ${OLD}\ncertificates: [{name: c, subject: s, scopes: [read]}]\n`,
      ['old'],
    ],
  ])('makes a file that lets the token in where it %s', async (_, text, others) => {
    if (text !== undefined) writeFileSync(file, text);
    const { code, stdout, stderr } = await token('--into', file, '--expires', '2027-01-01T00:00:00Z');
    expect([code, stdout]).toEqual([0, `${file} lets desk: two in.\n`]);
    const written = readFileSync(file, 'utf8');
    const parsed = parseAccessFile(file, written);
    expect(parsed.tokens.map(({ name }) => name)).toEqual([...others, 'desk: two']);
    expect(parsed.tokens.at(-1)).toMatchObject({ sha256: tokenHash(stderr.trim()), scopes: ['read'] });
    for (const comment of ['# ours', '# theirs', 'calls_per_second: 5', 'certificates'])
      expect(written.includes(comment)).toBe(text?.includes(comment) ?? false);
    if (text === undefined) expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it.each([
    ['tokens: {a: 1}\n', 'has to be a list'],
    ['tokns: []\n', 'did you mean `tokens`'],
    ['- a\n', 'has to be'],
    ['a: [\n', 'needs its ]'],
  ])('leaves a file that is wrong as it is: %j', async (text, why) => {
    writeFileSync(file, text);
    const { code, stderr } = await token('--into', file);
    expect([code, stderr]).toEqual([3, expect.stringContaining(why)]);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('says what to do where the file cannot be written', async () => {
    const { code, stderr } = await token('--into', join(folder, 'none', 'access.yaml'));
    expect([code, stderr]).toEqual([5, expect.stringContaining('Without --into the entry is printed')]);
  });

  it('left out prints the entry for a person to put under `tokens:`', async () => {
    const { stdout } = await token();
    expect(parseAccessFile(file, `tokens:\n${stdout}`).tokens).toMatchObject([{ name: 'desk: two' }]);
  });
});

// Bug: 1 was the year 2001, 30 February the second of March, and a token was made that had ended before.
it.each(['1', '2099-02-30T00:00:00Z', '2098-01-01T00:00:00+99:00', '2020-01-01T00:00:00Z'])(
  'perennial token makes none that ends at %s',
  async (expires) => {
    const { code, stdout } = await runCli(['token', 'desk', '--scope', 'read', '--expires', expires]);
    expect([code, stdout]).toEqual([2, '']);
  },
);

// Bug: the entry was printed, and the server refused the file that had it.
it('perennial token prints no entry that an access file may not have', async () => {
  const { code, stdout } = await runCli(['token', '', '--scope', 'read']);
  expect([code, stdout]).toEqual([3, '']);
});
