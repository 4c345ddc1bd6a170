import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { writeOwnFile } from '../../../src/store/engine/own-files.js';
import { SpoolFile } from '../../../src/store/http-server/spool.js';

// Bug: with a full disk an import ended as a defect of Perennial, with a stack and no word of the disk.
it.runIf(process.platform === 'linux')(
  'a full disk is said to be full, and the rows are tried again',
  async () => {
    await expect(writeOwnFile('/dev/full', Buffer.from('rows'))).rejects.toMatchObject({
      code: 'unavailable',
      retryable: true,
      message: expect.stringContaining('The disk is full'),
    });
    await expect(writeOwnFile('/dev/null/x', Buffer.from('rows'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  },
);

// Bug: over HTTP it was a defect of Perennial, one error with a stack for each insert that was tried.
it('a disk that takes no body for the spool is said as the engine says it', async () => {
  const file = new SpoolFile(join(tmpdir(), `perennial-spool-${process.pid}`));
  for (const code of ['ENOSPC', 'EDQUOT', 'EROFS', 'EIO']) {
    async function* body() {
      yield Buffer.from('rows');
      throw Object.assign(new Error(`${code}: write`), { code });
    }
    await expect(file.fill(body(), 100)).rejects.toMatchObject({
      type: 'NOT_ENOUGH_SPACE',
      message: expect.stringContaining(code),
    });
    file.remove();
  }
});
