import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { EXIT } from '../../src/cli/exit-codes.js';
import { PerennialError } from '../../src/core/errors.js';
import { Engine } from '../../src/engine/engine.js';
import { openStore } from '../../src/store/open-store.js';
import { projectFile } from '../support/project.js';
import { runCli } from '../support/run-cli.js';
import { copyStore } from '../support/temp-store.js';

// Bug: a nightly `score --all` that could not score some accounts ended with 0, and nobody looked at what it had printed.
it('score --all that could not score some accounts says so by its exit code, too', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'perennial-failures-'));
  await copyStore(dataDir);
  const store = await openStore({ dataDir });
  await store.close();
  const { rescoreAll } = Engine.prototype;
  const failing = vi.spyOn(Engine.prototype, 'rescoreAll').mockImplementation(async function (this: Engine) {
    const error = new PerennialError('internal', 'inf or nan to integer conversion');
    return { ...(await rescoreAll.call(this)), failures: [{ accounts: ['acme'], error }] };
  });
  const env = {
    PERENNIAL_DATA: dataDir,
    PERENNIAL_SCORING: projectFile('scoring'),
    PERENNIAL_RULES: projectFile('rules'),
    PERENNIAL_LOG_LEVEL: 'silent',
  };
  try {
    const failed = await runCli(['score', '--all'], env);
    expect(failed.code).toBe(EXIT.rejected);
    expect(failed.stdout).toContain('acme could not be scored: inf or nan to integer conversion');
    failing.mockRestore();
    expect((await runCli(['score', '--all'], env)).code).toBe(EXIT.ok);
    const long = await runCli(['score', '--all', '--as-of', '2026-01-01', '--run', 'n'.repeat(8_000)], env);
    expect(long.code).toBe(EXIT.usage);
    expect(long.stderr.length).toBeLessThan(500);
  } finally {
    failing.mockRestore();
    rmSync(dataDir, { recursive: true, force: true });
  }
});
