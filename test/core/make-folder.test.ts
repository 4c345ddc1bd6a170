import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { makeFolder } from '../../src/core/make-folder.js';

const folder = mkdtempSync(join(tmpdir(), 'perennial-make-folder-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('making a folder', () => {
  it('makes those above it, and does nothing when it is there', () => {
    const deep = join(folder, 'a', 'b', 'c');
    makeFolder(deep, 0o700);
    makeFolder(deep);
    expect(statSync(deep).mode & 0o777).toBe(0o700);
  });

  it.skipIf(!existsSync('/proc/self'))(
    'fails in a folder that takes none, and does not turn for ever',
    () => {
      expect(() => makeFolder('/proc/perennial')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
      expect(() => makeFolder('/proc/perennial/backups')).toThrow(
        expect.objectContaining({ code: 'ENOENT' }),
      );
    },
  );

  it('fails where a file is in the way', () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    expect(() => makeFolder(file)).toThrow(expect.objectContaining({ code: 'EEXIST' }));
    expect(() => makeFolder(join(file, 'below'))).toThrow(expect.objectContaining({ code: 'ENOTDIR' }));
  });
});
