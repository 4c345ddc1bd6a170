import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { readSettings } from '../../src/core/read-settings.js';
import { SECRETS, SETTINGS } from '../../src/core/settings.js';

const folder = mkdtempSync(join(tmpdir(), 'perennial-secrets-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'secret');
writeFileSync(file, 'geheim\n');

it.each(SECRETS)('%s can stand in a file', (name) => {
  expect(readSettings({ [`${name}_FILE`]: file })[name]).toBe('geheim');
  expect(() => readSettings({ [`${name}_FILE`]: file, [name]: 'other' })).toThrow(`${name}_FILE`);
  expect(() => readSettings({ [`${name}_FILE`]: join(folder, 'nothing') })).toThrow('nothing');
});

it('every setting that is a password, token or secret is one', () => {
  const secret = Object.keys(SETTINGS).filter((name) => /PASSWORD|TOKEN$|SECRET/.test(name));
  expect([...SECRETS].sort()).toEqual(secret.sort());
});
