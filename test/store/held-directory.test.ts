import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { EXIT } from '../../src/cli/exit-codes.js';
import { openStore } from '../../src/store/open-store.js';
import { PERENNIAL } from '../support/served-store.js';

// Bug: above our own sentence stood a line of the engine, "Code: 76. DB::Exception: Cannot lock file …".
it.skipIf(!existsSync('/proc/locks'))(
  'who finds a data directory held by another process is told which, in our words alone',
  async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'perennial-held-'));
    const store = await openStore({ dataDir });
    try {
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        [PERENNIAL, 'migrate', '--data', dataDir],
        { encoding: 'utf8' },
      );
      expect(status).toBe(EXIT.unavailable);
      expect(stdout).toBe('');
      expect(stderr).toContain(`process ${process.pid} holds it`);
      expect(stderr).not.toContain('DB::Exception');
    } finally {
      await store.close();
      rmSync(dataDir, { recursive: true, force: true });
    }
  },
);
