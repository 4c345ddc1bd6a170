import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../src/cli/exit-codes.js';
import { migrate } from '../../src/store/migrate.js';
import { openStore } from '../../src/store/open-store.js';
import { recordScoringFailures } from '../../src/store/scoring-failures.js';
import { freePort } from '../support/free-port.js';
import { projectFile } from '../support/project.js';
import { jsonLines, runCli } from '../support/run-cli.js';
import { PERENNIAL } from '../support/served-store.js';
import { copyStore } from '../support/temp-store.js';

const folder = mkdtempSync(join(tmpdir(), 'perennial-doctor-test-'));
const data = join(folder, 'data');
const none = join(folder, 'none');
const env = {
  PERENNIAL_DATA: data,
  PERENNIAL_SCORING: projectFile('scoring'),
  PERENNIAL_RULES: projectFile('rules'),
  PERENNIAL_LOG_LEVEL: 'silent',
  // However full the disk of this machine is.
  PERENNIAL_DISK_FREE_PERCENT: '0',
};
const cli = (...args: string[]) => runCli(args, env);

beforeAll(async () => {
  await copyStore(data);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('doctor', () => {
  it('finds nothing wrong with what is well', async () => {
    const { code, stdout } = await cli('doctor', '--json', '--data', data);
    expect(jsonLines(stdout).map(({ check, ok }) => [check, ok])).toEqual(
      [
        'node',
        'settings',
        'store',
        'definitions',
        'scorecards',
        'accounts',
        'disk',
        'contracts',
        'signals',
      ].map((check) => [check, true]),
    );
    expect(code).toBe(EXIT.ok);
  });

  it('finds a rule file that is broken, with its place and exit code 3, and goes on', async () => {
    const rules = join(folder, 'broken-rules');
    cpSync(projectFile('rules'), rules, { recursive: true });
    writeFileSync(join(rules, 'guardrails.yaml'), 'guardrails:\n  - name: x\n');
    const { code, stdout } = await cli('doctor', '--rules', rules);
    expect(stdout).toMatch(/^bad {2}definitions: .*guardrails\.yaml:2:5: error/m);
    expect(stdout).toMatch(/^ok {3}signals: /m);
    expect(code).toBe(EXIT.check);
  });

  it('finds a rules folder without rules, and names files in it that are not read', async () => {
    const rules = join(folder, 'other-rules');
    mkdirSync(rules);
    writeFileSync(join(rules, 'retention.yaml.off'), 'rules: []');
    const empty = await cli('doctor', '--rules', rules);
    expect(empty.stdout).toMatch(/^bad {2}definitions: .*The folder holds no rule files\. .*`rules: off`/m);
    expect(empty.code).toBe(EXIT.check);
    writeFileSync(join(rules, 'none.yaml'), 'rules: off');
    const { stdout } = await cli('doctor', '--rules', rules);
    expect(stdout).toMatch(/^ok {3}definitions: .*; not read in .*other-rules: retention\.yaml\.off$/m);
  });

  it('finds a producer that gives two facts one identity', async () => {
    const file = join(folder, 'twice.ndjson');
    const line = (type: string) =>
      JSON.stringify({
        id: '1',
        source: 'app',
        type: `usage.${type}`,
        subject: 'a',
        time: '2025-01-01T00:00:00Z',
      });
    // One after the other: of one load only the last contents of an identity are kept.
    for (const type of ['feature_used', 'session_started']) {
      writeFileSync(file, `${line(type)}\n`);
      await cli('ingest', file, '--data', data);
    }
    const { code, stdout } = await cli('doctor', '--data', data);
    expect(stdout).toMatch(/^bad {2}signals: 1 signals were replaced by one of another type/m);
    expect(code).toBe(EXIT.check);
  });

  // Bug: who had churned by an outcome alone stayed at risk, and nothing said why.
  it('finds contracts that run on after an outcome said that they churned', async () => {
    const own = join(folder, 'churned');
    const lines = (records: readonly object[]) => records.map((one) => JSON.stringify(one)).join('\n');
    const [account, at] = [{ account_id: 'a' }, '2025-01-01T00:00:00Z'];
    const contract = (id: string, more = {}) => ({
      ...{ type: 'subscription.updated', ...account, subscription_id: id, time: at, status: 'active' },
      ...more,
    });
    const outcome = (id: string, kind: string, time: string, more = {}) => ({
      ...{
        type: `outcome.${kind}`,
        id: `${id}-${kind}`,
        source: 'crm',
        ...account,
        subscription_id: id,
        time,
      },
      ...more,
    });
    const file = join(folder, 'churned.ndjson');
    writeFileSync(
      file,
      lines([
        ...['left', 'stays', 'back', 'over', 'ahead'].map((id) => contract(id)),
        outcome('left', 'renewed', '2025-02-01T00:00:00Z', { term_end: '2999-01-01' }),
        outcome('left', 'churned', '2025-03-01T00:00:00Z'),
        outcome('back', 'churned', '2025-03-01T00:00:00Z'),
        contract('back', { time: '2025-04-01T00:00:00Z' }),
        outcome('over', 'churned', '2025-03-01T00:00:00Z'),
        contract('over', { time: '2025-03-01T00:00:00Z', status: 'ended' }),
        outcome('ahead', 'churned', '2025-03-01T00:00:00Z', { term_end: '2999-01-01' }),
      ]),
    );
    await cli('ingest', file, '--data', own);
    const { code, stdout } = await cli('doctor', '--data', own);
    expect(stdout).toMatch(/^bad {2}contracts: 1 are scored though .* for instance left \(source crm\)/m);
    expect(code).toBe(EXIT.check);
  });

  it('finds a disk that fills up, with the largest tables, and signals that go before features look at them', async () => {
    const { code, stdout } = await runCli(['doctor'], {
      ...env,
      PERENNIAL_DISK_FREE_PERCENT: '100',
      PERENNIAL_KEEP_SIGNALS_DAYS: '100',
    });
    expect(stdout).toMatch(
      /^bad {2}disk: The store's disk is filling up: default \(.*\) has .* free of .* Largest tables: \w+ \d.*kept for ever/m,
    );
    expect(stdout).toMatch(
      /^bad {2}definitions: Features look back \d+ days, and signals are kept for 100 /m,
    );
    expect(code).toBe(EXIT.check);
  });

  it('checks the files where there is no store yet, and leaves none behind', async () => {
    const { code, stdout } = await cli('doctor', '--data', none);
    expect(stdout).toMatch(/^ok {3}store: embedded, no data in .*none yet$/m);
    expect(stdout).toMatch(/^ok {3}definitions: /m);
    expect(code).toBe(EXIT.ok);
    expect(existsSync(none)).toBe(false);
  });

  it('finds a variable that nothing reads', async () => {
    const token = join(folder, 'token');
    writeFileSync(token, 'secret\n');
    const { code, stdout } = await runCli(['doctor', '--data', none], {
      ...env,
      PERENNIAL_RULE: './mine',
      PERENNIAL_TOKEN_FILE: token,
    });
    expect(stdout).toMatch(/^bad {2}settings: Nothing reads PERENNIAL_RULE: did you mean PERENNIAL_RULES\?/m);
    expect(code).toBe(EXIT.check);
  });

  // Case A1: an account failed at every rescore, and doctor said ok.
  it('names accounts that can not be scored, until they can', async () => {
    const failing = join(folder, 'failing');
    const store = await openStore({ dataDir: failing });
    await migrate(store);
    const now = Date.now();
    await recordScoringFailures(store, [
      { accountId: 'acme', failedAt: now - 60_000, reason: 'inf or nan to integer conversion' },
      { accountId: 'mended', failedAt: now - 60_000, reason: 'inf or nan to integer conversion' },
      { accountId: 'ended', failedAt: now - 5 * 86_400_000, reason: 'inf or nan to integer conversion' },
    ]);
    await store.command(
      `INSERT INTO risk_state (account_id, subscription_id, as_of) SELECT 'mended', 'mended', now64(3)`,
    );
    await store.close();
    const { code, stdout } = await cli('doctor', '--data', failing);
    expect(stdout).toMatch(
      /^bad {2}accounts: 1 can't be scored: acme \(inf or nan to integer conversion\)\. .*signals retract/m,
    );
    expect(code).toBe(EXIT.check);
  });

  it('finds that no Kafka broker answers, and goes on', async () => {
    const brokers = `127.0.0.1:${await freePort()}`;
    const { code, stdout } = await runCli(['doctor', '--data', none], { ...env, KAFKA_BROKERS: brokers });
    expect(stdout).toMatch(/^bad {2}kafka: Kafka does not answer/m);
    expect(stdout).toMatch(/^ok {3}definitions: /m);
    expect(code).toBe(EXIT.check);
  });

  it('says that the embedded engine has no build for this machine; other commands do without it', async () => {
    const hook = join(folder, 'no-chdb.cjs');
    writeFileSync(
      hook,
      `const Module = require('node:module');
       const resolve = Module._resolveFilename;
       Module._resolveFilename = function (request, ...rest) {
         if (request.startsWith('@chdb/')) throw Object.assign(new Error(request), { code: 'MODULE_NOT_FOUND' });
         return resolve.call(this, request, ...rest);
       };`,
    );
    const run = (...args: string[]) =>
      spawnSync(process.execPath, ['--require', hook, PERENNIAL, ...args], { env, encoding: 'utf8' });
    const doctor = run('doctor', '--data', none);
    expect(doctor.stdout).toMatch(
      /^bad {2}store: The embedded ClickHouse does not run here.*CLICKHOUSE_URL/m,
    );
    expect(doctor.status).toBe(EXIT.check);
    expect(run('version')).toMatchObject({ status: EXIT.ok, stderr: '' });
  });
});
