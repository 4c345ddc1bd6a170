import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../src/cli/exit-codes.js';
import { projectFile } from '../support/project.js';
import { runCli } from '../support/run-cli.js';

const folder = mkdtempSync(join(tmpdir(), 'perennial-missing-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// ENOENT came as a defect of Perennial, with a stack.
describe('a file that is not there', () => {
  const scoring = projectFile('scoring');
  it.each([
    { args: ['scorecard', 'compare', scoring, 'smb'], more: {} },
    { args: ['scorecard', 'evaluate', '--card', 'nosuch.yaml'], more: {} },
    { args: ['risks'], more: { PERENNIAL_SERVER: '127.0.0.1:1', PERENNIAL_SERVER_CA: 'nosuch.pem' } },
  ])('is named by $args', async ({ args, more }) => {
    const { code, stderr } = await runCli(args, {
      PERENNIAL_DATA: join(folder, 'data'),
      PERENNIAL_SCORING: scoring,
      PERENNIAL_LOG_LEVEL: 'silent',
      ...more,
    });
    expect(code).toBe(EXIT.notFound);
    expect(stderr).toMatch(/(smb|nosuch\.yaml|nosuch\.pem)/);
    expect(stderr).not.toMatch(/defect|ENOENT/);
  });
});
