import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Session } from 'chdb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../src/cli/exit-codes.js';
import { freePort } from '../support/free-port.js';
import { projectFile } from '../support/project.js';
import { jsonLines, runCli } from '../support/run-cli.js';
import { PERENNIAL } from '../support/served-store.js';

const folder = mkdtempSync(join(tmpdir(), 'perennial-commands-'));
const env = {
  PERENNIAL_DATA: join(folder, 'demo'),
  PERENNIAL_SCORING: projectFile('scoring'),
  PERENNIAL_RULES: projectFile('rules'),
  PERENNIAL_LOG_LEVEL: 'silent',
};
const cli = (...args: string[]) => runCli(args, env);

let demo: Awaited<ReturnType<typeof runCli>>;
beforeAll(async () => {
  demo = await cli('demo', '--accounts', '30', '--weeks', '5');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The program in a process of its own, with something on its standard input. */
async function inProcess(args: readonly string[], input: string, more: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, [PERENNIAL, ...args], {
    env: { PATH: process.env.PATH, ...env, ...more },
  });
  child.stdin.end(input);
  const [stdout, stderr, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve) => child.once('close', resolve)),
  ]);
  return { code, stdout, stderr };
}

describe('sql and export', () => {
  // Bug: binary formats came out damaged, with exit code 0.
  it('stream the bytes of any format to a file', async () => {
    const file = join(folder, 'risks.parquet');
    const query = 'SELECT subscription_id, risk FROM risks';
    const child = spawn(process.execPath, [PERENNIAL, 'sql', query, '--format', 'Parquet'], {
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', openSync(file, 'w'), 'inherit'],
    });
    expect(await once(child, 'exit')).toEqual([EXIT.ok, null]);
    const exported = await cli('export', 'risks', '--out', folder, '--json');
    const [{ rows, file: whole }] = jsonLines(exported.stdout) as [{ rows: number; file: string }];
    const sums = (of: string) =>
      `SELECT count() AS n, sum(sipHash64(subscription_id, risk)) AS hash FROM ${of}`;
    const session = new Session(join(folder, 'reader'));
    try {
      const [a, b] = [file, whole].map((path) => session.query(sums(`file('${path}')`), 'JSONEachRow'));
      expect(a).toBe(b);
      expect(JSON.parse(a!)).toMatchObject({ n: rows });
    } finally {
      session.close();
    }
  });
});

describe('demo', () => {
  it('tells the whole way, section by section, in plain text when nobody looks', () => {
    expect(demo.stderr).not.toContain('error');
    expect(demo.code).toBe(EXIT.ok);
    const sections = [
      'What came in',
      'Risk as of ',
      'The ten renewals',
      'Decisions',
      'How it went so far',
      'One gRPC call',
      'What to type next',
    ];
    const places = sections.map((section) => demo.stdout.indexOf(`\n${section}`));
    expect(places.every((place) => place >= 0)).toBe(true);
    expect([...places].sort((a, b) => a - b)).toEqual(places);
    expect(demo.stdout).not.toContain('\u001b');
  });

  it('has a past: weekly passes before the present, and answers to what they decided', async () => {
    const { stdout } = await cli(
      'sql',
      `SELECT (SELECT uniqExact(as_of) FROM risk_history) AS passes,
         (SELECT countIf(accepted + declined + resolved > 0) FROM decisions_by_rule) AS answered,
         (SELECT count() FROM decision_events WHERE actor = 'demo-people') AS events FORMAT JSONEachRow`,
    );
    const { passes, answered, events } = JSON.parse(stdout) as Record<string, number>;
    expect(passes).toBe(6);
    expect(answered).toBeGreaterThan(0);
    expect(events).toBeGreaterThan(5);
  });

  it('leaves a directory alone that has data or files of others, or another demo’s', async () => {
    const refused = { code: EXIT.unavailable, stderr: expect.stringMatching(/not a demo's/) };
    const files = join(folder, 'files');
    mkdirSync(files);
    writeFileSync(join(files, 'notes.txt'), 'mine');
    expect(await cli('demo', '--data', files)).toMatchObject(refused);
    expect(readdirSync(files)).toEqual(['notes.txt']);
    const store = join(folder, 'other-store');
    const lines = join(folder, 'one.ndjson');
    writeFileSync(lines, 'not a signal\n');
    await cli('ingest', lines, '--data', store);
    expect(await cli('demo', '--data', store)).toMatchObject(refused);
    expect(await cli('demo', '--accounts', '31')).toMatchObject({
      code: EXIT.unavailable,
      stderr: expect.stringMatching(/30 accounts/),
    });
  });
});

describe('a data directory that holds no store', () => {
  const missing = join(folder, 'mistyped');

  it.each([
    [['risks']],
    [['decisions']],
    [['explain', 'x']],
    [['sql', 'SELECT 1']],
    [['score', '--all']],
    [['rejected', 'list']],
    [['rules', 'history']],
  ])('is not made by %j, which ends with 6', async (args) => {
    const { code, stderr } = await cli(...args, '--data', missing);
    expect(stderr).toContain(`There is no data in ${missing}.`);
    expect(code).toBe(EXIT.notFound);
    expect(existsSync(missing)).toBe(false);
  });

  it('is taken by the demo when another command has made it, and it is empty', async () => {
    const data = join(folder, 'made-before');
    const empty = join(folder, 'empty.ndjson');
    writeFileSync(empty, '');
    expect(await cli('ingest', empty, '--data', data)).toMatchObject({ code: EXIT.ok });
    expect(await cli('demo', '--accounts', '5', '--weeks', '0', '--data', data)).toMatchObject({
      code: EXIT.ok,
    });
  });

  it('that can’t be made is no defect: it ends with 5', async () => {
    const file = join(folder, 'a-file');
    writeFileSync(file, '');
    const { code, stderr } = await cli('ingest', file, '--data', join(file, 'data'));
    expect(stderr).toMatch(/Can't write to the data directory .*a-file\/data/);
    expect(code).toBe(EXIT.unavailable);
  });
});

describe('every command', () => {
  it('is in the help, and has a help of its own, with exit code 0', async () => {
    const { code, stdout } = await cli('--help');
    expect(code).toBe(EXIT.ok);
    const commands = [...stdout.matchAll(/^ {2}([a-z]+)(?= .*)/gm)].map((match) => match[1]!);
    expect(commands).toEqual(
      expect.arrayContaining(['ingest', 'score', 'up', 'explain', 'sql', 'doctor', 'demo']),
    );
    for (const command of new Set(commands)) {
      if (command === 'help') continue;
      const help = await cli(command, '--help');
      expect({ command, code: help.code }).toEqual({ command, code: EXIT.ok });
      expect(help.stdout).toContain(`Usage: perennial ${command}`);
    }
  });

  it('has its exit codes listed', async () => {
    const { stdout } = await cli('--help');
    const listed = [...stdout.slice(stdout.indexOf('Exit codes:')).matchAll(/^ {2}(\d+) /gm)].map((match) =>
      Number(match[1]),
    );
    expect(listed).toEqual(Object.values(EXIT).sort((a, b) => a - b));
  });

  it('is of the version that --version prints', async () => {
    expect(await cli('--version')).toEqual({ ...(await cli('version')), code: EXIT.ok });
  });

  it.each([
    [['nosuch'], /unknown command 'nosuch'/],
    [['scroe'], /Did you mean score/],
    [['risks', '--nosuch'], /unknown option '--nosuch'/],
    [['risks', '--band', 'huge'], /Allowed choices are low, medium, high, critical, unknown/],
    [['risks', '--limit', '0'], /from 1 to 100000/],
    [['risks', '--max-risk', '101'], /--max-risk is from 0 to 100/],
    [['risks', '--min-arr', '12'], /such as "EUR 12000"/],
    [['risks', '--limit', 'many'], /whole number/],
    [['score', '--all', '--as-of', 'yesterday'], /yesterday/],
    [['score'], /KAFKA_BROKERS.*\n.*perennial score --all/],
    [['score', '--as-of', '2026-01-01', '--json'], /--as-of and --json go with --all only/],
    [['explain'], /missing required argument 'subscription'/],
    [['sql', ''], /query is empty/],
    [['sql', 'SELECT 1', '--format', '; DROP'], /not the name of a format/],
    [['ingest'], /KAFKA_BROKERS/],
  ])('says what is wrong with its arguments, with exit code 2: %j', async (args, message) => {
    const { code, stderr } = await cli(...args);
    expect(stderr).toMatch(message);
    expect(code).toBe(EXIT.usage);
  });

  it('names every wrong setting, with exit code 2', async () => {
    const wrong = { ...env, KAFKA_PARTITIONS: 'many', PERENNIAL_LOG_LEVEL: 'loud' };
    const { code, stderr } = await runCli(['risks'], wrong);
    expect(stderr).toMatch(/KAFKA_PARTITIONS/);
    expect(stderr).toMatch(/PERENNIAL_LOG_LEVEL/);
    expect(code).toBe(EXIT.usage);
  });

  it('says that the store does not answer, with exit code 5', async () => {
    const nobody = { ...env, CLICKHOUSE_URL: `http://127.0.0.1:${await freePort()}/x` };
    const { code, stderr } = await runCli(['decisions'], nobody);
    expect(stderr).toMatch(/does not answer/);
    expect(code).toBe(EXIT.unavailable);
  });
});

describe('risks, decisions and explain', () => {
  it('print one JSON object a line with --json, the highest risk first', async () => {
    const risks = jsonLines((await cli('risks', '--json', '--limit', '5')).stdout);
    expect(risks).toHaveLength(5);
    const values = risks.map((risk) => risk.risk as number);
    expect([...values].sort((a, b) => b - a)).toEqual(values);
    for (const decision of jsonLines((await cli('decisions', '--json')).stdout))
      expect(decision).toMatchObject({
        status: expect.stringMatching(/^(open|pending_approval|presented|acknowledged|snoozed)$/),
        reasons: expect.any(Array),
      });
  });

  it('print every time as RFC 3339 text', async () => {
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    const first = async (...args: string[]) => jsonLines((await cli(...args, '--json')).stdout)[0]!;
    const risk = await first('risks', '--limit', '1');
    expect(risk).toMatchObject({ asOf: time, renewal: time });
    expect(await first('explain', String(risk.subscriptionId))).toMatchObject({ risk: { asOf: time } });
    expect(await first('decisions', '--limit', '1')).toMatchObject({
      statusAt: time,
      openedAt: time,
      closedAt: null,
    });
    const data = join(folder, 'refused');
    const lines = join(folder, 'refused.ndjson');
    writeFileSync(lines, 'not a signal\n');
    await cli('ingest', lines, '--data', data);
    expect(await first('rejected', 'list', '--data', data)).toMatchObject({ receivedAt: time });
    expect(await first('rejected', 'list', '--count', '--data', data)).toMatchObject({ last: time });
  });

  it('list only what is asked for', async () => {
    const [{ band, segment }] = jsonLines((await cli('risks', '--json', '--limit', '1')).stdout) as [
      { band: string; segment: string },
    ];
    for (const risk of jsonLines((await cli('risks', '--json', '--band', band, '--segment', segment)).stdout))
      expect(risk).toMatchObject({ band, segment });
    // Bug: several values, the highest risk and ARR could not be asked for, as the API can.
    const both = jsonLines(
      (await cli('risks', '--json', '--band', 'high', 'critical', '--max-risk', '60', '--limit', '5000'))
        .stdout,
    );
    expect(both.length).toBeGreaterThan(0);
    for (const risk of both) {
      expect(['high', 'critical']).toContain(risk.band);
      expect(risk.risk).toBeLessThanOrEqual(60);
    }
    const everyone = jsonLines((await cli('risks', '--json', '--limit', '5000')).stdout);
    const ofCurrency = everyone
      .filter(({ currency }) => currency === 'USD')
      .map(({ arrMinor }) => Number(arrMinor));
    const most = Math.max(...ofCurrency);
    const rich = jsonLines((await cli('risks', '--json', '--min-arr', `USD ${most / 100}`)).stdout);
    expect(rich.map(({ currency, arrMinor }) => [currency, arrMinor])).toEqual([['USD', most]]);
    const none = await cli('risks', '--segment', 'nosuch');
    expect(none).toMatchObject({ code: EXIT.ok, stdout: expect.stringContaining('No subscription') });
  });

  it('explain a risk by contributions that sum to it, and every rule', async () => {
    const [risk] = jsonLines((await cli('risks', '--json', '--limit', '1')).stdout);
    const id = risk!.subscriptionId as string;
    const { code, stdout } = await cli('explain', id, '--json');
    expect(code).toBe(EXIT.ok);
    const explained = JSON.parse(stdout) as {
      risk: { risk: number; contributions: { points: number }[] };
      rules: unknown[];
    };
    const sum = explained.risk.contributions.reduce((total, { points }) => total + points, 0);
    expect(sum).toBeCloseTo(explained.risk.risk, 9);
    expect(explained.rules.length).toBeGreaterThan(5);
    expect((await cli('explain', id)).stdout).toMatch(
      /^sub-.* of acc-.*\nrisk \d+\.\d \((low|medium|high|critical|unknown)\)/,
    );
  });

  it('say of a subscription that is not there that it is not, with exit code 6', async () => {
    const { code, stderr } = await cli('explain', 'nosuch');
    expect(stderr).toMatch(/no subscription nosuch/);
    expect(code).toBe(EXIT.notFound);
  });
});

describe('score --all', () => {
  it('as of a time is a what-if: the same each time, kept when it has a name, and nothing live', async () => {
    const at = '2026-01-15T12:00:00Z';
    const first = JSON.parse((await cli('score', '--all', '--as-of', at, '--json')).stdout) as Record<
      string,
      unknown
    >;
    const again = JSON.parse((await cli('score', '--all', '--as-of', at, '--json')).stdout);
    expect(first.asOf).toBe('2026-01-15T12:00:00.000Z');
    expect(again).toEqual(first);
    const sum = Object.values(first.bands as Record<string, number>).reduce((a, b) => a + b, 0);
    expect(sum).toBe(first.subscriptions);
    const count = async (view: string) =>
      Number(
        (
          await cli(
            'sql',
            `SELECT count() FROM ${view} WHERE as_of = toDateTime64('2026-01-15 12:00:00', 3, 'UTC') FORMAT TSV`,
          )
        ).stdout,
      );
    expect(await count('risk_history')).toBe(0);
    expect((await cli('score', '--all', '--as-of', at, '--run', 'january')).code).toBe(EXIT.ok);
    expect(await count('run_risks')).toBe(first.subscriptions);
    expect(await count('risk_history')).toBe(0);
    expect((await cli('score', '--all', '--as-of', at, '--run', 'january')).stderr).toContain(
      'There is a run',
    );
    expect((await cli('runs', 'list')).stdout).toContain('january');
    expect((await cli('runs', 'show', 'january', '--json')).stdout).toContain(
      '"asOf":"2026-01-15T12:00:00.000Z"',
    );
    expect((await cli('runs', 'drop', 'january')).code).toBe(EXIT.ok);
    expect((await cli('runs', 'show', 'january')).code).toBe(EXIT.notFound);
    expect(await count('run_risks')).toBe(0);
  });

  it.each([
    [['--known-at', '2026-01-01'], /--known-at goes with --as-of or --from/],
    [['--run', 'x'], /--run keeps a what-if/],
    [['--from', '2026-01-01', '--as-of', '2026-01-01'], /give one of them/],
    [['--from', '2000-01-01', '--every', '1d'], /at most 1000/],
    [['--as-of', '2026-01-01', '--run', 'a b'], /can't be the name of a run/],
  ])('refuses %j', async (flags, message) => {
    const { code, stderr } = await cli('score', '--all', ...flags);
    expect(stderr).toMatch(message);
    expect(code).toBe(EXIT.usage);
  });
});

describe('sql', () => {
  it('answers on views in the format asked for', async () => {
    const query = 'SELECT count() > 0 AS some FROM signals';
    expect((await cli('sql', query)).stdout).toBe('some\n1\n');
    expect((await cli('sql', query, '--json')).stdout).toBe('{"some":1}\n');
    expect((await cli('sql', `${query};`, '--format', 'CSVWithNames')).stdout).toBe('"some"\n1\n');
  });

  it.each([
    'DROP TABLE signal_log',
    "INSERT INTO accounts SELECT 'x', now()",
    'SELECT 1; SELECT 2',
    'SYSTEM STOP MERGES',
    'SELECT nonsense',
  ])('refuses with exit code 2: %s', async (query) => {
    const { code, stdout, stderr } = await cli('sql', query);
    expect({ code, stdout }).toEqual({ code: EXIT.usage, stdout: '' });
    expect(stderr).not.toMatch(/defect/);
    expect((await cli('sql', 'SELECT count() > 0 FROM signals FORMAT TSV')).stdout).toBe('1\n');
  });
});

describe('ingest', () => {
  const good = (id: string) =>
    JSON.stringify({
      id,
      source: 's',
      type: 'usage.feature_used',
      subject: 'acc',
      time: '2025-01-01T00:00:00Z',
    });

  // Bug: the embedded engine took the standard input for rows of the first migration, and the command crashed.
  it('from stdin takes the good lines, keeps the bad ones, and ends with 7; twice changes nothing', async () => {
    const data = ['--data', join(folder, 'stdin')];
    const input = `${good('1')}\n{"not json\n\n${good('2')}\n[1]\n`;
    for (const fate of ['new', 'same']) {
      const { code, stdout, stderr } = await inProcess(['ingest', '-', '--json', ...data], input);
      expect({ code, stderr }).toMatchObject({ code: EXIT.rejected });
      expect(JSON.parse(stdout)).toMatchObject({
        ...{ signals: 2, subscriptions: 0, outcomes: 0, rejections: 2 },
        ...{ new: 0, same: 0, corrected: 0, retracted: 0 },
        [fate]: 2,
      });
    }
    const sql =
      'SELECT (SELECT count() FROM signals) AS good, (SELECT groupArray((_offset, reason)) FROM (SELECT * FROM rejected_signals ORDER BY _offset)) AS bad';
    expect(jsonLines((await cli('sql', sql, '--json', ...data)).stdout)).toEqual([
      {
        good: 2,
        bad: [
          [2, 'not_json'],
          [5, 'not_an_object'],
        ],
      },
    ]);
  });

  // Bug: `while read file; do perennial ingest "$file"; done < list` failed as a defect, and the engine took the rest of the list.
  it('of a file leaves alone what is on the standard input', async () => {
    const file = join(folder, 'one.ndjson');
    writeFileSync(file, `${good('1')}\n`);
    const list = join(folder, 'list.txt');
    writeFileSync(list, 'one\ntwo\n');
    const perennial = `"${process.execPath}" "${PERENNIAL}"`;
    const loop = `while read -r one; do ${perennial} ingest "${file}" --json --data "${join(folder, 'listed')}" || exit; done < "${list}"`;
    const child = spawn('sh', ['-c', loop], { env: { PATH: process.env.PATH, ...env } });
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    expect(stderr).toBe('');
    expect(jsonLines(stdout)).toEqual([
      expect.objectContaining({ new: 1, same: 0 }),
      expect.objectContaining({ new: 0, same: 1 }),
    ]);
  });

  it('of a file that is not there ends with 6, and takes nothing', async () => {
    const { code, stderr } = await cli(
      'ingest',
      join(folder, 'none.ndjson'),
      '--data',
      join(folder, 'stdin'),
    );
    expect(stderr).toMatch(/none\.ndjson/);
    expect(code).toBe(EXIT.notFound);
  });
});

describe('output', () => {
  it.each([
    ['nobody looks', {}, false],
    ['colours are forced', { FORCE_COLOR: '1' }, true],
    ['NO_COLOR is set, whatever else', { FORCE_COLOR: '1', NO_COLOR: '1' }, false],
  ])('has colours or not, when %s', async (_when, more, colours) => {
    const { stdout } = await inProcess(['doctor'], '', more);
    expect(stdout).toMatch(/node/);
    expect(stdout.includes('\u001b[')).toBe(colours);
  });
});
