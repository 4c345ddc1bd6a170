import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { newToken, tokenHash } from '../../src/access/token.js';
import { EXIT } from '../../src/cli/exit-codes.js';
import { RemoteStore } from '../../src/cli/remote-store.js';
import { connect } from '../../src/client/index.js';
import { DECISION_STATUSES } from '../../src/decisions/decision.js';
import { openStore } from '../../src/store/open-store.js';
import { business, writeAll } from '../support/business.js';
import { projectFile } from '../support/project.js';
import { jsonLines, runCli } from '../support/run-cli.js';
import { copyStore } from '../support/temp-store.js';
import { startUp } from '../support/up.js';

const dataDir = mkdtempSync(join(tmpdir(), 'perennial-running-'));
const accessFile = join(dataDir, 'access.yaml');
const reader = newToken();
const administrator = newToken();
const env = {
  PERENNIAL_DATA: dataDir,
  PERENNIAL_SCORING: projectFile('scoring'),
  PERENNIAL_RULES: projectFile('rules'),
  PERENNIAL_LOG_LEVEL: 'silent',
};

let up: Awaited<ReturnType<typeof startUp>> | undefined;
let subscription = '';
let decision = '';

beforeAll(async () => {
  writeFileSync(
    accessFile,
    `tokens:
  - {name: reader, sha256: ${tokenHash(reader)}, scopes: [read]}
  - {name: administrator, sha256: ${tokenHash(administrator)}, scopes: [read, administer]}
`,
  );
  await copyStore(dataDir);
  const store = await openStore({ dataDir });
  await writeAll(store, business({ accounts: 12, days: 200 }));
  await store.close();
  up = await startUp(dataDir, { PERENNIAL_ACCESS: accessFile, SCORE_RESCORE_MINUTES: '0' });
  await up.scored;
  const { stdout } = await runCli(['risks', '--limit', '1', '--json'], env);
  subscription = String(jsonLines(stdout)[0]!.subscriptionId);
  const decisions = await runCli(['decisions', '--limit', '1', '--json'], env);
  decision = String(jsonLines(decisions.stdout)[0]!.decisionId);
}, 120_000);
afterAll(async () => {
  await up?.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

const AS_OF = '2025-12-20T00:00:00Z';
const reading = (): string[][] => [
  ['risks'],
  ['risks', '--band', 'high', '--limit', '5', '--json'],
  ['risks', '--limit', '3000', '--band', 'high', 'unknown', '--max-risk', '90', '--json'],
  ['explain', subscription, '--as-of', AS_OF],
  ['explain', subscription, '--as-of', AS_OF, '--json'],
  ['explain', 'nobody', '--as-of', AS_OF],
  ['decisions', '--json'],
  ['decisions', '--status', ...DECISION_STATUSES, '--limit', '3000', '--json'],
  ['decisions', 'show', decision.slice(0, 8)],
  ['decisions', 'show', decision, '--json'],
  ['decisions', 'show', 'ffff0000'],
  ['sql', 'SELECT type, count() FROM signals GROUP BY type ORDER BY type'],
  ['sql', 'SELECT * FROM risks ORDER BY subscription_id', '--format', 'Native'],
  ['sql', 'SELECT nonsense'],
  ['sql', 'SELEC'],
  ['sql', 'DROP TABLE signals'],
  ['rules', 'history', '--json'],
  ['rules', 'explain', subscription, '--as-of', AS_OF, '--json'],
  ['score', '--all', '--as-of', AS_OF, '--json'],
  ['rejected', 'list', '--count', '--json'],
  // Bug: the feature query brought settings along, which who may only read can't set.
  ['features', 'explain', subscription, '--as-of', AS_OF, '--json'],
  ['scorecard', 'evaluate', '--to', AS_OF, '--json'],
  ['scorecard', 'drift', '--as-of', AS_OF, '--against', '2025-11-01T00:00:00Z', '--json'],
];

describe('while a process holds the store', () => {
  it('commands that read ask it, and print what they print on the store itself', async () => {
    const printed = new Map<string, unknown>();
    for (const args of reading()) printed.set(args.join(' '), await runCli(args, env));
    for (const [command, { code }] of printed as Map<string, { code: number }>)
      expect([EXIT.ok, EXIT.notFound, EXIT.usage], command).toContain(code);
    expect(await up!.stop()).toBe(0);
    for (const args of reading())
      expect(printed.get(args.join(' ')), args.join(' ')).toEqual(await runCli(args, env));
    up = await startUp(dataDir, { PERENNIAL_ACCESS: accessFile, SCORE_RESCORE_MINUTES: '0' });
    await up.scored;
  });

  // Bug: the store was called bad, since another process holds it.
  it('doctor looks at the store through it', async () => {
    const { code, stdout } = await runCli(['doctor', '--json'], env);
    const found = new Map(jsonLines(stdout).map(({ check, ok, detail }) => [check, { ok, detail }]));
    expect([...found].filter(([, { ok }]) => ok !== true)).toEqual([]);
    expect(found.get('store')).toEqual({ ok: true, detail: 'the running engine' });
    expect([...found.keys()]).toEqual(expect.arrayContaining(['definitions', 'accounts', 'disk', 'signals']));
    expect(code).toBe(EXIT.ok);
  });

  it('commands that write say who holds it, and what to do', async () => {
    for (const args of [
      ['score', '--all'],
      ['score', '--all', '--as-of', AS_OF, '--run', 'kept'],
      ['runs', 'drop', 'kept'],
    ]) {
      const { code, stdout, stderr } = await runCli(args, env);
      expect([code, stdout], args.join(' ')).toEqual([EXIT.unavailable, '']);
      expect(stderr).toContain('holds the store');
    }
  });

  it('people act on decisions through it, one by its id or many by a filter, within their scopes', async () => {
    const open = jsonLines((await runCli(['decisions', 'list', '--limit', '1000', '--json'], env)).stdout);
    expect(open.length).toBeGreaterThan(1);
    const { decisionId, rule } = open[0] as { decisionId: string; rule: string };

    const dry = await runCli(['decisions', 'withdraw', '--rule', rule, '--reason', 'asked for'], env);
    expect(dry.stdout).toContain(decisionId.slice(0, 12));
    expect(dry.stdout).toContain('Nothing has been changed.');

    const one = ['decisions', 'withdraw', decisionId, '--reason', 'asked for', '--by', 'olga'];
    expect(await runCli(one, env)).toEqual({
      code: EXIT.ok,
      stdout: '1 changed, 0 refused, 0 unchanged.\n',
      stderr: '',
    });
    expect((await runCli(one, env)).stdout).toBe('0 changed, 0 refused, 1 unchanged.\n');
    expect((await runCli(['decisions', 'show', decisionId], env)).stdout).toMatch(/withdrawn.*olga/);
    // Bug: beside an engine that runs the beginning of an id was refused, and --json had other members.
    const refused = await runCli(['decisions', 'approve', decisionId.slice(0, 12), '--json'], env);
    expect(refused.code).toBe(EXIT.rejected);
    expect(jsonLines(refused.stdout)).toEqual([
      { decisionId, refused: 'It is withdrawn; only what is pending approval can be approved.' },
    ]);
    const reopen = ['decisions', 'reopen', decisionId.slice(0, 12), '--reason', 'again', '--json'];
    expect(jsonLines((await runCli(reopen, env)).stdout)).toEqual(
      jsonLines((await runCli(['decisions', 'list', '--limit', '1000', '--json'], env)).stdout).filter(
        (listed) => listed.decisionId === decisionId,
      ),
    );
    expect((await runCli(one, env)).stdout).toContain('1 changed');

    const asReader = { ...env, PERENNIAL_SERVER: up!.target, PERENNIAL_TOKEN: reader };
    const others = ['decisions', 'withdraw', '--rule', rule, '--reason', 'asked for', '--yes'];
    expect(await runCli(others, asReader)).toMatchObject({
      code: EXIT.usage,
      stderr: expect.stringContaining('decide'),
    });
    const left = open.filter((decision) => decision.rule === rule).length - 1;
    expect((await runCli(others, env)).stdout).toContain(left === 0 ? 'No decision' : `${left} changed`);
    // Bug: without a status a filter took what has closed, too.
    expect((await runCli(['decisions', 'present', '--rule', rule, '--yes'], env)).stdout).toBe(
      'No decision is like that.\n',
    );
  });

  it('records are retracted and restored through it, and their accounts scored by it', async () => {
    const source = ['--source', 'product-telemetry', '--reason', 'wrong tracker'];
    const dry = await runCli(['signals', 'retract', ...source], env);
    expect(dry.stdout).toMatch(/^Nothing was retracted. It would be [\d,]+ signals of \d+ accounts:\n/);
    const { stdout } = await runCli(
      ['signals', 'retract', ...source, '--by', 'olga', '--yes', '--json'],
      env,
    );
    const { id, scored, accountCount } = jsonLines(stdout)[0]!;
    expect([scored, accountCount]).toEqual(['The engine that runs scores them.', 12]);
    const count = ['sql', "SELECT count() FROM signals WHERE source = 'product-telemetry'"];
    expect((await runCli(count, env)).stdout).toBe('count()\n0\n');
    const listed = jsonLines((await runCli(['signals', 'retractions', '--json'], env)).stdout);
    expect(listed[0]).toMatchObject({ id, by: 'olga', reason: 'wrong tracker' });
    expect((await runCli(['signals', 'restore', String(id)], env)).stdout).toMatch(
      /^Restored [\d,]+ signals/,
    );
    expect((await runCli(count, env)).stdout).not.toBe('count()\n0\n');
    const asReader = { ...env, PERENNIAL_SERVER: up!.target, PERENNIAL_TOKEN: reader };
    expect(await runCli(['signals', 'retract', ...source], asReader)).toMatchObject({
      code: EXIT.usage,
      stderr: expect.stringContaining('administer'),
    });
  });

  // Bug: a what-if was told now and then that eight calls of its caller were running or waiting, and ended.
  it('what a command asks at once waits for its turn, beside what other commands ask', async () => {
    const commands = [1, 2, 3].map(
      () => new RemoteStore(connect({ server: `unix:${join(dataDir, 'perennial.sock')}` })),
    );
    const asked = commands.flatMap((store) =>
      Array.from({ length: 12 }, (_, number) =>
        store.rows<{ number: number }>(`SELECT ${number} AS number, sleep(0.02) AS slept`),
      ),
    );
    const answers = await Promise.all(asked);
    expect(answers.flat().map((row) => row.number)).toEqual(
      commands.flatMap(() => Array.from({ length: 12 }, (_, number) => number)),
    );
    for (const store of commands) await store.close();
  });

  it('another machine asks by --server and a token, within its scopes', async () => {
    const elsewhere = { ...env, PERENNIAL_DATA: join(dataDir, 'nothing'), PERENNIAL_SERVER: up!.target };
    const asReader = { ...elsewhere, PERENNIAL_TOKEN: reader };
    // What was restored before is still being scored.
    await vi.waitFor(
      async () => {
        const here = await runCli(['risks', '--json'], env);
        expect(await runCli(['risks', '--json'], asReader)).toEqual(here);
      },
      { timeout: 60_000, interval: 500 },
    );
    // Bug: lists, beginnings of ids and JSON of decisions went as SQL, for which one has to administer.
    for (const args of [
      ['decisions', '--json'],
      ['decisions', 'show', decision.slice(0, 8), '--json'],
    ])
      expect(await runCli(args, asReader)).toEqual(await runCli(args, env));
    expect(await runCli(['sql', 'SELECT 1'], asReader)).toMatchObject({
      code: EXIT.usage,
      stderr: expect.stringContaining('administer'),
    });
    const tokenFile = join(dataDir, 'token');
    writeFileSync(tokenFile, `${administrator}\n`);
    const asAdministrator = { ...elsewhere, PERENNIAL_TOKEN_FILE: tokenFile };
    expect(await runCli(['sql', 'SELECT 1'], asAdministrator)).toEqual({
      code: EXIT.ok,
      stdout: '1\n1\n',
      stderr: '',
    });
    expect(await runCli(['risks'], elsewhere)).toMatchObject({
      code: EXIT.usage,
      stderr: expect.stringContaining('no credentials'),
    });
  });

  // Bug: with a file of rules that was broken nobody could take back what the rules had opened.
  it('rules that are refused keep nobody from acting on decisions, only from scoring', async () => {
    expect(await up!.stop()).toBe(0);
    up = undefined;
    const nothing = { ...env, PERENNIAL_RULES: mkdtempSync(join(dataDir, 'rules-')) };
    const [{ decisionId }] = jsonLines((await runCli(['decisions', 'list', '--json'], env)).stdout) as [
      { decisionId: string },
    ];
    const withdraw = ['decisions', 'withdraw', decisionId, '--reason', 'asked for'];
    expect(await runCli(withdraw, nothing)).toMatchObject({
      code: EXIT.ok,
      stdout: '1 changed, 0 refused, 0 unchanged.\n',
    });
    expect((await runCli(['score', '--all'], nothing)).code).toBe(EXIT.check);
  });
});
