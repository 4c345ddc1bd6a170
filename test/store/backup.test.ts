import { mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../src/cli/exit-codes.js';
import { projectFile } from '../support/project.js';
import { jsonLines, runCli } from '../support/run-cli.js';
import { servedStore } from '../support/served-store.js';

const folder = mkdtempSync(join(tmpdir(), 'perennial-backup-'));
const env = {
  PERENNIAL_DATA: join(folder, 'data'),
  PERENNIAL_SCORING: projectFile('scoring'),
  PERENNIAL_RULES: projectFile('rules'),
  PERENNIAL_LOG_LEVEL: 'silent',
};
const cli = (args: string[], more = {}) => runCli(args, { ...env, ...more });
const backups = join(folder, 'backups');
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeAll(async () => {
  const demo = await cli(['demo', '--accounts', '10', '--weeks', '1']);
  if (demo.code !== EXIT.ok) throw new Error(demo.stderr);
});

const sizeOf = (path: string): number =>
  statSync(path).isDirectory()
    ? readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0)
    : statSync(path).size;

/** Everything that the views say, so that two stores can be compared. */
async function content(at: Record<string, string>): Promise<string[]> {
  const parts: string[] = [];
  const views = ['signals', 'subscription_history', 'subscriptions', 'outcomes', 'risks', 'risk_history'];
  for (const view of [...views, 'decisions', 'features_current', 'renewals', 'lineage']) {
    const sql = `SELECT count() AS rows, sum(cityHash64(*)) AS hash FROM ${view}`;
    const { code, stdout, stderr } = await cli(['sql', sql, '--json'], at);
    expect([view, code, stderr]).toEqual([view, EXIT.ok, '']);
    parts.push(`${view} ${stdout}`);
  }
  return parts;
}

describe('a backup', () => {
  const names: string[] = [];

  it('is full at first; later ones hold only what is new', async () => {
    const first = await cli(['backup', backups, '--json']);
    expect([first.code, first.stderr]).toEqual([EXIT.ok, '']);
    const signal =
      '{"id":"new","source":"crm","type":"nps_response","account_id":"acct-new","time":"2026-01-01T00:00:00Z","score":9}';
    const fed = join(folder, 'more.ndjson');
    writeFileSync(fed, `${signal}\n`);
    await cli(['ingest', fed]);
    const second = await cli(['backup', backups, '--json']);
    const [full] = jsonLines(first.stdout);
    const [added] = jsonLines(second.stdout);
    names.push(String(full!.name), String(added!.name));
    expect([full!.base, added!.base]).toEqual([null, full!.name]);
    expect(sizeOf(join(backups, names[1]!))).toBeLessThan(sizeOf(join(backups, names[0]!)) / 2);
    expect((await cli(['backup', backups, '--list'])).stdout.trim().split('\n')).toHaveLength(2);
  });

  it('is restored elsewhere, after its directory was moved, to the same content', async () => {
    const before = await content({});
    const moved = join(folder, 'moved');
    renameSync(backups, moved);
    const restored = join(folder, 'restored');
    const done = await cli(['restore', join(moved, names[1]!), '--data', restored]);
    expect([done.code, done.stderr]).toEqual([EXIT.ok, '']);
    expect(done.stdout).toMatch(/^Restored \d+ tables with [\d,]+ rows/);
    expect(await content({ PERENNIAL_DATA: restored })).toEqual(before);
    expect((await cli(['migrate', '--check', '--data', restored])).code).toBe(EXIT.ok);
    const again = await cli(['restore', join(moved, names[1]!), '--data', restored]);
    expect([again.code, again.stderr]).toEqual([EXIT.unavailable, expect.stringContaining('is not empty')]);
  });

  // Bug: the engine lost the aliases of tables in every view, and `subscriptions`, `risks` and what leans on them could not be read.
  it('is restored under another name of the database to the same content', async () => {
    const server = await servedStore('--allow-files');
    try {
      const at = { CLICKHOUSE_URL: `${server.url}/elsewhere` };
      const done = await cli(['restore', join(folder, 'moved', names[1]!)], at);
      expect([done.code, done.stderr]).toEqual([EXIT.ok, '']);
      expect(await content(at)).toEqual(await content({}));
    } finally {
      await server.close();
    }
  });

  it('that was cut off, or whose full one is gone, is not restored', async () => {
    const moved = join(folder, 'moved');
    rmSync(join(moved, names[0]!, 'manifest.json'));
    const orphan = await cli(['restore', join(moved, names[1]!), '--data', join(folder, 'orphan')]);
    expect([orphan.code, orphan.stderr]).toEqual([EXIT.unavailable, expect.stringContaining(names[0]!)]);
    const cut = await cli(['restore', join(moved, names[0]!), '--data', join(folder, 'cut')]);
    expect([cut.code, cut.stderr]).toEqual([EXIT.notFound, expect.stringContaining('no complete backup')]);
  });
});
