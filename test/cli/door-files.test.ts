import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { watchDoorFiles } from '../../src/cli/door-files.js';
import { systemClock } from '../../src/core/clock.js';
import { createLogger } from '../../src/telemetry/log.js';
import { testAuthority } from '../support/certificates.js';

// Bug: a certificate that had expired was served without a word, at the start and after a change.
it('a certificate that has expired is a warning', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-door-files-'));
  const tls = testAuthority(folder).issue('localhost');
  const server = { async replaceUsers() {}, replaceTls() {} };
  const warned = async (now: number) => {
    const lines: string[] = [];
    const log = createLogger('info', { write: (line) => lines.push(line) });
    (await watchDoorFiles(server, { tls }, log, undefined, () => now))();
    return lines.filter((line) => line.includes('has expired')).length;
  };
  try {
    expect(await warned(systemClock())).toBe(0);
    expect(await warned(systemClock() + 3 * 86_400_000)).toBe(1);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
