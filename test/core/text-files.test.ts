import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listFolder, readSettledFiles, readTextFiles } from '../../src/core/text-files.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-files-'));
  writeFileSync(join(folder, 'a.yaml'), 'a');
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('the text files of a folder', () => {
  it('are YAML and JSON of any depth and however their endings are written, and nothing hidden', () => {
    mkdirSync(join(folder, 'deep/er'), { recursive: true });
    mkdirSync(join(folder, '.git'));
    for (const name of ['B.YAML', 'deep/er/c.Yml', 'd.JSON', 'e.txt', '.f.yaml', '.git/g.yaml'])
      writeFileSync(join(folder, name), name);
    expect([...readTextFiles(folder).keys()]).toEqual(['B.YAML', 'a.yaml', 'd.JSON', 'deep/er/c.Yml']);
    expect(listFolder(folder).paths).toContain('e.txt');
  });

  // Bug: a link to a folder was read as a file, and no file could be read.
  it('are read past a link to a folder', () => {
    symlinkSync(tmpdir(), join(folder, 'elsewhere'));
    expect([...readTextFiles(folder)]).toEqual([['a.yaml', 'a']]);
  });

  it('are those of a folder: one of its files alone is refused in words', () => {
    expect(() => readTextFiles(join(folder, 'a.yaml'))).toThrow(
      /a\.yaml: it is a file, and what is read is a folder/,
    );
  });
});

describe('files that may be in the making', () => {
  const settled = (options: { at?: number; settleMs?: number; mostMs?: number } = {}) => {
    const { at = Date.now(), settleMs = 40, mostMs = 4_000 } = options;
    return readSettledFiles(folder, { settleMs, mostMs, clock: () => at });
  };

  it('are read at once when nothing was written lately', async () => {
    const { files } = await settled({ at: Date.now() + 3_600_000, settleMs: 3_000_000 });
    expect([...files]).toEqual([['a.yaml', 'a']]);
  });

  it('are waited for while they are written to, renamed or taken away', async () => {
    writeFileSync(join(folder, 'b.yaml'), 'half');
    const reading = settled({ settleMs: 100 });
    writeFileSync(join(folder, 'b.yaml'), 'the whole');
    writeFileSync(join(folder, 'new'), 'whole');
    renameSync(join(folder, 'new'), join(folder, 'a.yaml'));
    const { files } = await reading;
    expect([...files]).toEqual([
      ['a.yaml', 'whole'],
      ['b.yaml', 'the whole'],
    ]);
  });

  it('count once they stand still, though the clock of their server is ahead', async () => {
    const future = new Date(Date.now() + 86_400_000);
    utimesSync(join(folder, 'a.yaml'), future, future);
    expect((await settled()).files.size).toBe(1);
  });

  it('are refused when they never come to rest', async () => {
    let written = '';
    const clock = () => {
      written += '.';
      writeFileSync(join(folder, 'a.yaml'), written);
      return written.length * 50;
    };
    await expect(readSettledFiles(folder, { settleMs: 20, mostMs: 200, clock })).rejects.toMatchObject({
      code: 'failed_precondition',
      message: `The files in ${folder} keep changing.`,
    });
  });

  it('are not there in a folder that is not there', async () => {
    await expect(
      readSettledFiles(join(folder, 'no'), { settleMs: 10, clock: Date.now }),
    ).rejects.toMatchObject({
      code: 'not_found',
    });
  });
});
