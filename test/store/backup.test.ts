import {
  cpSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../src/cli/exit-codes.js';
import { backUp } from '../../src/store/backup.js';
import { EmbeddedStore } from '../../src/store/embedded-store.js';
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

const filesUnder = (path: string): string[] =>
  readdirSync(path, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

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
    expect(done.stdout).toMatch(
      /^Restored \d+ tables of \S+Z into .*Of \d+ all rows are there \([\d,]+\)\.$/m,
    );
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

  // Bug: one manifest that was cut off kept everyone from listing and from making any backup beside it.
  it('with a damaged manifest is named, and keeps no other from being listed or made', async () => {
    const beside = join(folder, 'beside');
    cpSync(join(folder, 'moved', names[1]!), join(beside, names[1]!), { recursive: true });
    writeFileSync(join(beside, names[1]!, 'manifest.json'), '{"version": 1, "data');
    const listed = await cli(['backup', beside, '--list']);
    expect([listed.code, listed.stderr]).toEqual([EXIT.ok, expect.stringContaining(names[1]!)]);
    const made = await cli(['backup', beside, '--json']);
    expect([made.code, jsonLines(made.stdout)[0]]).toEqual([
      EXIT.ok,
      expect.objectContaining({ base: null }),
    ]);
    const used = await cli(['restore', join(beside, names[1]!), '--data', join(folder, 'used')]);
    expect([used.code, used.stderr]).toEqual([EXIT.unavailable, expect.stringContaining('damaged')]);
  });

  // Bug: damage was reported as a defect of Perennial, with a stack.
  it('whose files are damaged or gone is called damaged, and what adds to it is not made nor left half made', async () => {
    const damaged = join(folder, 'damaged');
    const made = await cli(['backup', damaged, '--json']);
    const name = jsonLines(made.stdout)[0]!.name as string;
    for (const file of filesUnder(join(damaged, name, 'data')))
      if (file.endsWith('.bin')) truncateSync(file, 10);
    const restored = await cli(['restore', join(damaged, name), '--data', join(folder, 'parts')]);
    expect([restored.code, restored.stderr]).toEqual([
      EXIT.unavailable,
      expect.stringMatching(/is damaged: [\s\S]*Restore another one/),
    ]);
    expect(restored.stderr).not.toContain('defect of Perennial');
    rmSync(join(damaged, name, 'data'), { recursive: true });
    const added = await cli(['backup', damaged]);
    expect([added.code, added.stderr]).toEqual([
      EXIT.unavailable,
      expect.stringMatching(/was not made: [\s\S]*--full/),
    ]);
    expect(readdirSync(damaged)).toEqual([name]);
    const file = await cli(['backup', join(damaged, name, 'manifest.json')]);
    expect([file.code, file.stderr]).toEqual([EXIT.unavailable, expect.stringContaining('ENOTDIR')]);
  });

  // Bug: on a full disk the engine calls a backup made whose files are cut, and so did the command: 11 MB went into 1 MB.
  it('of which not every byte was written is not made, and leaves nothing', async () => {
    const full = join(folder, 'full');
    const store = new EmbeddedStore(env.PERENNIAL_DATA);
    try {
      const cut = new Proxy(store, {
        get(target, name) {
          if (name !== 'command') return Reflect.get(target, name, target).bind?.(target);
          return async (...call: Parameters<EmbeddedStore['command']>) => {
            await target.command(...call);
            if (call[0].startsWith('BACKUP'))
              truncateSync(filesUnder(full).find((file) => statSync(file).size > 0)!, 0);
          };
        },
      });
      await expect(backUp(cut, full, { now: Date.now(), full: true })).rejects.toMatchObject({
        code: 'failed_precondition',
        message: expect.stringMatching(
          /was not made: [\d,]+ of [\d,]+ bytes were written: is its disk full\?/,
        ),
      });
      expect(readdirSync(full)).toEqual([]);
    } finally {
      await store.close();
    }
  });
});
