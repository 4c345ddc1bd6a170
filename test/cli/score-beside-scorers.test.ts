import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { EXIT } from '../../src/cli/exit-codes.js';
import { openStore } from '../../src/store/open-store.js';
import { claimFence } from '../../src/store/scorer-fence.js';
import { projectFile } from '../support/project.js';
import { runCli } from '../support/run-cli.js';
import { copyStore } from '../support/temp-store.js';

// Bug: on a store that scorers have, `score --all` said that it had scored everyone; its risks were dropped, and its decisions, opened under
// limits of its own, were kept.
it('a command neither scores nor answers on a store that scorers have', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'perennial-fenced-'));
  try {
    await copyStore(dataDir);
    const store = await openStore({ dataDir });
    await claimFence(store, 1);
    await store.close();
    const env = {
      PERENNIAL_DATA: dataDir,
      PERENNIAL_SCORING: projectFile('scoring'),
      PERENNIAL_RULES: projectFile('rules'),
      PERENNIAL_LOG_LEVEL: 'silent',
    };
    const live = await runCli(['score', '--all'], env);
    expect(live).toMatchObject({ code: EXIT.unavailable, stdout: '' });
    expect(live.stderr).toContain('scored by scorers');
    // Bug: the hint was to set KAFKA_BROKERS, though it was set and of no use here.
    expect(live.stderr).not.toContain('KAFKA_BROKERS');
    expect((await runCli(['score', '--all', '--as-of', '2026-01-01'], env)).code).toBe(EXIT.ok);
    // Bug: answers were applied by the command itself, under shared limits of its own.
    const answer = await runCli(['decisions', 'present', '--rule', 'any', '--yes'], env);
    expect(answer).toMatchObject({ code: EXIT.unavailable, stdout: '' });
    expect(answer.stderr).toContain('scored by scorers');
    // Bug: nothing said when scorers would see what a command had stored beside them.
    const file = join(dataDir, 'signals.ndjson');
    writeFileSync(
      file,
      '{"id":"1","source":"crm","category":"marketing","type":"nps_response","account_id":"a","time":"2026-01-01T00:00:00Z","value":9}\n',
    );
    const ingested = await runCli(['ingest', file], env);
    expect(ingested).toMatchObject({
      code: EXIT.ok,
      stdout: expect.stringContaining('next rescore of everyone'),
    });
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});
