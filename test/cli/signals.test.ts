import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../src/cli/exit-codes.js';
import { projectFile } from '../support/project.js';
import { jsonLines, runCli } from '../support/run-cli.js';
import { copyStore } from '../support/temp-store.js';

const folder = mkdtempSync(join(tmpdir(), 'perennial-retract-'));
const file = join(folder, 'signals.ndjson');
const env = {
  PERENNIAL_DATA: join(folder, 'data'),
  PERENNIAL_SCORING: projectFile('scoring'),
  PERENNIAL_RULES: projectFile('rules'),
  PERENNIAL_LOG_LEVEL: 'silent',
  USER: 'ada',
};
const cli = (...args: string[]) => runCli(args, env);
const day = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();

/** The features of an account, as the latest rescore stored them. */
async function features(account: string): Promise<Record<string, number>> {
  const { stdout } = await cli('sql', `SELECT features FROM risks WHERE account_id = '${account}'`, '--json');
  return jsonLines(stdout)[0]!.features as Record<string, number>;
}

beforeAll(async () => {
  await copyStore(env.PERENNIAL_DATA);
  const signal = (id: string, more: object) =>
    JSON.stringify({ id, source: 'meter', account_id: 'acme', time: day(2), ...more });
  writeFileSync(
    file,
    [
      signal('n-1', { type: 'marketing.nps_response', value: 2 }),
      signal('n-2', { type: 'marketing.nps_response', value: 9, time: day(5) }),
      signal('b-1', { type: 'usage.feature_used', account_id: 'bolt', value: 1 }),
      signal('b-2', { type: 'usage.feature_used', account_id: 'bolt', value: 1 }),
    ].join('\n'),
  );
  expect((await cli('ingest', file)).code).toBe(EXIT.ok);
  expect((await cli('score', '--all')).code).toBe(EXIT.ok);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('signals explain and features explain', () => {
  it('say which features count a signal, and which signals a feature counts', async () => {
    const { stdout } = await cli('signals', 'explain', 'meter', 'n-2');
    expect(stdout).toMatch(/^marketing\.nps_response of acme, .*, value 9; arrived /);
    expect(stdout).toMatch(/nps_latest +no +nps +a later one decides/);
    const [json] = jsonLines((await cli('signals', 'explain', 'meter', 'n-1', '--json')).stdout);
    expect(json).toMatchObject({ signal: { id: 'n-1', ended: '' }, subscriptions: [{ outside: '' }] });
    const { code, stdout: text } = await cli('features', 'explain', 'acme', 'nps_latest', 'ticket_backlog');
    expect(code).toBe(EXIT.ok);
    expect(text).toMatch(/^nps_latest = 2\.0\d* score/m);
    expect(text).toMatch(/^ {2}nps = 2: last of nps_response, 400 days; 1 signal$/m);
    expect(text).toMatch(/counted {2}meter n-1$/m);
    expect(text).toMatch(/^ticket_backlog = not applicable/m);
    const lines = jsonLines((await cli('features', 'explain', 'acme', '--json')).stdout);
    expect(lines.find(({ feature }) => feature === 'nps_latest')).toMatchObject({
      applicable: true,
      measures: [
        { measure: 'nps', signals: 1, latest: [{ id: 'n-1', why: 'counted' }] },
        { measure: 'nps_at' },
      ],
    });
  });

  it('name what there is not', async () => {
    expect((await cli('signals', 'explain', 'meter', 'x')).code).toBe(EXIT.notFound);
    expect((await cli('features', 'explain', 'nobody')).code).toBe(EXIT.notFound);
    const { code, stderr } = await cli('features', 'explain', 'acme', 'nps_lates');
    expect(code).toBe(EXIT.usage);
    expect(stderr).toContain('Did you mean `nps_latest`?');
  });

  it('list the features with what each needs and weighs', async () => {
    const [first] = jsonLines((await cli('features', 'list', '--json')).stdout);
    expect(first).toMatchObject({ feature: 'usage_velocity_7_28', signalTypes: ['core_action_completed'] });
    expect((first!.weights as Record<string, number>).default).toBeGreaterThan(0);
    expect((await cli('features', 'list')).stdout).toMatch(/^csat_90d +support .*csat_response/m);
  });
});

describe('explain and score', () => {
  it('say what part of the scorecard nobody sends anything for, in words and as JSON', async () => {
    expect((await cli('explain', 'acme')).stdout).toMatch(
      /^\d+ % of scorecard default is not in use: nobody sends /m,
    );
    const [explained] = jsonLines((await cli('explain', 'acme', '--json')).stdout);
    const { share, missing } = explained!.notInUse as { share: number; missing: string[] };
    expect(share).toBeGreaterThan(0.1);
    expect(missing).toContain('billing signals');
    const [scored] = jsonLines((await cli('score', '--all', '--json')).stdout);
    const parts = scored!.notInUse as { scorecard: string; share: number; missing: string[] }[];
    expect(parts.find(({ scorecard }) => scorecard === 'default')).toMatchObject({ share, missing });
  });
});

describe('overrides and explain --since', () => {
  it('set a risk, show what was computed beside it, and say what made it another one', async () => {
    const until = day(-30);
    // What was ingested has arrived by now, and not a day ago.
    const since = new Date().toISOString();
    expect((await cli('explain', 'acme', '--since', day(1))).code).toBe(EXIT.notFound);
    const set = ['overrides', 'set', 'acme', '--risk', '10', '--reason', 'they leave', '--until', until];
    const { code, stdout } = await cli(...set, '--by', 'ada');
    expect([code, stdout]).toEqual([
      EXIT.ok,
      `The risk of acme is 10 until ${until}.\nScored 1 subscriptions of 1 accounts.\n`,
    ]);
    const { stdout: explained } = await cli('explain', 'acme', '--since', since);
    expect(explained).toMatch(/^risk 10\.0 \(low\)/m);
    expect(explained).toMatch(/^computed \d+\.\d; ada said otherwise until .*: they leave$/m);
    // Of its only signal too little is known for a band.
    expect(explained).toMatch(
      /^since .*: risk not known to 10\.0, what is known comes to \d+\.\d points less$/m,
    );
    expect(explained).toMatch(/^ +-\d+\.\d\d {2}what people said$/m);
    const [json] = jsonLines((await cli('explain', 'acme', '--since', since, '--json')).stdout);
    expect(json!.change).toMatchObject({ riskBefore: null, riskAfter: 10 });
    const { total, ...parts } = (json!.change as { parts: Record<string, number> }).parts;
    expect(Object.values(parts).reduce((sum, part) => sum + part, 0)).toBeCloseTo(total!, 9);
    expect(jsonLines((await cli('overrides', 'list', '--json')).stdout)).toMatchObject([
      { subscriptionId: 'acme', risk: 10, author: 'ada', until },
    ]);
    expect((await cli('overrides', 'lift', 'acme')).code).toBe(EXIT.ok);
    expect((await cli('overrides', 'list')).stdout).toBe('No risk is overridden.\n');
    expect((await cli('overrides', 'lift', 'acme')).code).toBe(EXIT.notFound);
    expect(
      (await cli('overrides', 'set', 'acme', '--risk', 'high', '--reason', 'x', '--until', until)).code,
    ).toBe(EXIT.usage);
  });
});

describe('signals retract', () => {
  it('takes one signal out of the features, and keeps it out when the file is read again', async () => {
    expect((await features('acme')).nps_latest).toBeLessThan(3);
    const { code, stdout } = await cli(
      'signals',
      'retract',
      '--source',
      'meter',
      '--id',
      'n-1',
      '--reason',
      'typo',
    );
    expect(code).toBe(EXIT.ok);
    expect(stdout).toMatch(
      /^Retracted 1 signal of 1 account: r-[0-9a-f]{12}\.\nScored 1 subscriptions of 1 accounts\./,
    );
    expect((await features('acme')).nps_latest).toBeGreaterThan(8);
    const again = await cli('ingest', file, '--json');
    expect(JSON.parse(again.stdout)).toMatchObject({ new: 0, same: 3, retracted: 1 });
    await cli('score', '--all');
    expect((await features('acme')).nps_latest).toBeGreaterThan(8);
  });

  it('of more than one says first what it would be, and who', async () => {
    const args = ['signals', 'retract', '--account', 'bolt', '--reason', 'test data', '--by', 'eve'];
    const dry = await cli(...args);
    expect(dry.code).toBe(EXIT.ok);
    expect(dry.stdout).toBe(
      'Nothing was retracted. It would be 2 signals of 1 account:\n  bolt\nRun it again with --yes to do it.\n',
    );
    const done = await cli(...args, '--yes', '--json');
    const { id, signals, dryRun } = jsonLines(done.stdout)[0]!;
    expect({ signals, dryRun }).toEqual({ signals: 2, dryRun: false });
    const listed = jsonLines((await cli('signals', 'retractions', '--json')).stdout);
    expect(listed[0]).toMatchObject({
      id,
      accountId: 'bolt',
      by: 'eve',
      reason: 'test data',
      undoneAt: null,
    });
    const restored = await cli('signals', 'restore', String(id));
    expect(restored.stdout).toContain('Restored 2 signals of 1 account.');
    expect((await cli('signals', 'retractions')).stdout).toMatch(
      /bolt {2}by eve: test data; restored .* by /,
    );
  });

  it.each([
    [['--id', 'n-1'], EXIT.usage, /--id needs --source/],
    [[], EXIT.usage, /Say what to retract/],
    [['--source', 'nobody'], EXIT.notFound, /Nothing of that is there/],
  ])('refuses %j', async (args, code, message) => {
    const refused = await cli('signals', 'retract', '--reason', 'x', ...args);
    expect(refused.code).toBe(code);
    expect(refused.stderr).toMatch(message);
  });

  it('takes nothing back that is not there', async () => {
    expect((await cli('signals', 'restore', 'r-0')).code).toBe(EXIT.notFound);
  });
});
