import { expect, it } from 'vitest';
import { writeOwnFile } from '../../../src/store/engine/own-files.js';

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
