import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { projectFile } from './support/project.js';

describe('scripts/test-count.mjs', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'perennial-count-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const count = (...files: { status: string; tests: string[] }[]) => {
    const report = join(folder, 'report.json');
    const testResults = files.map(({ status, tests }, i) => ({
      name: `${i}.test.ts`,
      status,
      assertionResults: tests.map((of) => ({ status: of })),
    }));
    writeFileSync(report, JSON.stringify({ testResults }));
    const { status, stdout } = spawnSync(process.execPath, [projectFile('scripts/test-count.mjs'), report], {
      encoding: 'utf8',
    });
    return { status, stdout };
  };

  test('counts tests, and names skipped ones only when there are some', () => {
    expect(count({ status: 'passed', tests: ['passed', 'passed'] })).toEqual({
      status: 0,
      stdout: '2 passed, 0 failed\n',
    });
    expect(
      count({ status: 'failed', tests: ['passed', 'failed', 'pending', 'skipped', 'todo'] }).stdout,
    ).toBe('1 passed, 1 failed, 3 skipped\n');
  });

  test('a file that failed before its tests ran is a failure', () => {
    expect(count({ status: 'passed', tests: ['passed'] }, { status: 'failed', tests: [] }).stdout).toBe(
      '1 passed, 1 failed\n',
    );
    expect(count({ status: 'failed', tests: ['skipped'] }).stdout).toBe('0 passed, 1 failed, 1 skipped\n');
  });

  test('several reports count together, and one that is missing is an error', () => {
    const report = (name: string, tests: string[]) => {
      const file = join(folder, name);
      const assertionResults = tests.map((status) => ({ status }));
      writeFileSync(file, JSON.stringify({ testResults: [{ name, status: 'passed', assertionResults }] }));
      return file;
    };
    const run = (...files: string[]) =>
      spawnSync(process.execPath, [projectFile('scripts/test-count.mjs'), ...files], { encoding: 'utf8' });
    const quick = report('quick.json', ['passed', 'skipped']);
    const long = report('long.json', ['passed', 'failed']);
    expect(run(quick, long).stdout).toBe('2 passed, 1 failed, 1 skipped\n');
    expect(run(quick, join(folder, 'nowhere.json')).status).toBe(1);
  });

  test('a file that was run again counts as it ended, and what passed only then is named', () => {
    const report = (name: string, files: Record<string, string[]>) => {
      const testResults = Object.entries(files).map(([file, tests]) => ({
        name: join(process.cwd(), file),
        status: tests.includes('failed') || tests.length === 0 ? 'failed' : 'passed',
        assertionResults: tests.map((status, i) => ({ status, fullName: `test ${i}` })),
      }));
      writeFileSync(join(folder, name), JSON.stringify({ testResults }));
      return join(folder, name);
    };
    const run = (...args: string[]) =>
      spawnSync(process.execPath, [projectFile('scripts/test-count.mjs'), ...args], { encoding: 'utf8' })
        .stdout;
    const first = report('first.json', { a: ['passed', 'failed'], b: ['passed'], c: [], d: ['failed'] });
    expect(run('--failed-files', first)).toBe('a\nc\nd\n');
    const again = report('again.json', { a: ['passed', 'passed'], c: ['passed'], d: ['failed'] });
    expect(run(first, again)).toBe(
      'Passed only when run again: a: test 1\nPassed only when run again: c\n4 passed, 1 failed\n',
    );
  });

  test('no test at all, or no report, is an error', () => {
    expect(count().status).toBe(1);
    const { status, stderr } = spawnSync(process.execPath, [
      projectFile('scripts/test-count.mjs'),
      join(folder, 'nowhere.json'),
    ]);
    expect(status).toBe(1);
    expect(String(stderr)).toContain('There is no test report');
  });
});

describe('.ci/run', () => {
  const text = readFileSync(projectFile('.ci/run'), 'utf8');

  test('is a script that bash can read', () => {
    expect(spawnSync('bash', ['-n', projectFile('.ci/run')]).status).toBe(0);
  });

  test('runs all projects of vitest, between npm test and npm run test:long', () => {
    const { scripts } = JSON.parse(readFileSync(projectFile('package.json'), 'utf8'));
    const projects = (script: string) =>
      [...scripts[script].matchAll(/--project (\w+)/g)].map((match: RegExpMatchArray) => match[1]);
    const config = readFileSync(projectFile('vitest.config.ts'), 'utf8');
    const all = [...config.matchAll(/name: '(\w+)'/g)].map((match) => match[1]);
    expect([...projects('test'), ...projects('test:long')]).toEqual(all);
    for (const script of ['vitest tests test\n', 'vitest long test:long\n']) expect(text).toContain(script);
    for (const [, file] of config.matchAll(/^ {2}'(test\/[^*']+)'/gm))
      expect(existsSync(projectFile(file!)), file).toBe(true);
  });

  test('lets no test be skipped for what it lacks', () => {
    expect(text).toMatch(/^export .*REQUIRE_KAFKA=1 REQUIRE_PYTHON=1 .*REQUIRE_PROMTOOL=1/m);
  });

  test('runs only scripts that package.json has', () => {
    const { scripts } = JSON.parse(readFileSync(projectFile('package.json'), 'utf8'));
    const named = [
      ...text.matchAll(
        /^(?:step '.+'|.*\btimeout \d+) (?:npm run (?:--silent )?|vitest [a-z]+ )([a-z0-9:]+)/gm,
      ),
    ].map((match) => match[1]!);
    expect(named).toEqual(
      expect.arrayContaining(['lint', 'typecheck', 'test', 'test:long', 'test:node24', 'demo']),
    );
    for (const name of named) expect(Object.keys(scripts)).toContain(name);
  });

  test('runs some tests on the newest Node, whatever the one of the machine, and tests that there are', () => {
    const { scripts } = JSON.parse(readFileSync(projectFile('package.json'), 'utf8'));
    const [newest] = parse(
      readFileSync(projectFile('.github/workflows/ci.yml'), 'utf8'),
    ).jobs.embedded.strategy.matrix.node.slice(-1);
    expect(scripts['test:node24']).toContain(`--package=node@${newest} `);
    const files = /^NEWEST=\((.+)\)$/m.exec(text)![1]!.split(' ');
    expect(files.length).toBeGreaterThan(2);
    for (const file of files) expect(existsSync(projectFile(file)), file).toBe(true);
  });
});

describe('.ci/contracts', () => {
  let repository: string;
  const git = (...args: string[]) =>
    spawnSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], { cwd: repository });
  const write = (file: string, text: string) => writeFileSync(join(repository, file), text);
  const message = (field: string) => `syntax = "proto3";\npackage p.v1;\nmessage M {\n  ${field} = 1;\n}\n`;
  const run = () =>
    spawnSync('bash', [projectFile('.ci/contracts'), 'HEAD'], {
      cwd: repository,
      encoding: 'utf8',
      env: { ...process.env, BUF: projectFile('node_modules/.bin/buf') },
    });

  beforeAll(() => {
    repository = mkdtempSync(join(tmpdir(), 'perennial-contracts-'));
    git('init', '--quiet');
    mkdirSync(join(repository, 'proto/p/v1'), { recursive: true });
    write('buf.yaml', 'version: v2\nmodules:\n  - path: proto\n');
    write('proto/COMPATIBILITY', 'since the beginning\n');
    write('proto/p/v1/m.proto', message('string a'));
    git('add', '-A');
    git('commit', '--quiet', '-m', 'first');
  });
  afterAll(() => rmSync(repository, { recursive: true }));

  test('passes what is the same, and fails what breaks callers', () => {
    expect(run().status).toBe(0);
    write('proto/p/v1/m.proto', message('int32 a'));
    const { status, stdout } = run();
    expect(status).not.toBe(0);
    expect(stdout).toContain('m.proto');
  });

  test('lets the contract begin anew where that is said, and says what breaks', () => {
    write('proto/p/v1/m.proto', message('int32 a'));
    write('proto/COMPATIBILITY', 'anew, because\n');
    const { status, stdout } = run();
    expect(status).toBe(0);
    expect(stdout).toContain('begins anew');
    expect(stdout).toContain('m.proto');
  });

  test('does not once a version is tagged', () => {
    git('tag', 'v1.0.0');
    expect(run().status).toBe(1);
  });
});

describe('.github/workflows/ci.yml', () => {
  interface Job {
    readonly strategy?: { readonly matrix: { readonly node: readonly number[] } };
    readonly services?: Readonly<Record<string, { readonly image: string }>>;
    readonly env?: Readonly<Record<string, unknown>>;
    readonly steps: readonly {
      readonly uses?: string;
      readonly run?: string;
    }[];
  }
  const text = readFileSync(projectFile('.github/workflows/ci.yml'), 'utf8');
  const { jobs } = parse(text) as {
    jobs: Record<'embedded' | 'servers', Job>;
  };

  test('runs .ci/run on each Node that is supported', () => {
    expect(jobs.embedded.strategy?.matrix.node).toEqual([20, 22, 24]);
    expect(jobs.embedded.steps.map(({ run }) => run)).toContain('.ci/run');
  });

  test('runs the same tests against a ClickHouse server and a Kafka broker, those of docker-compose.yml', () => {
    const { services } = parse(readFileSync(projectFile('docker-compose.yml'), 'utf8'), { merge: true });
    for (const name of ['clickhouse', 'kafka'])
      expect(jobs.servers.services?.[name]?.image).toBe(services[name].image);
    expect(jobs.servers.steps.map(({ run }) => run)).toEqual(
      expect.arrayContaining(['npm test', 'npm run test:long']),
    );
    expect(jobs.servers.env).toMatchObject({
      CLICKHOUSE_URL: expect.stringMatching(/^http/),
      KAFKA_BROKERS: 'localhost:9092',
    });
  });

  test('pins actions by the hash of a commit, and says which release that is', () => {
    const used = [...text.matchAll(/uses: (.*)$/gm)].map(([, action]) => action!);
    expect(used.length).toBeGreaterThan(3);
    for (const action of used) expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  test('begins with the Node that package.json names as the least, and has that of the image', () => {
    const { engines } = JSON.parse(readFileSync(projectFile('package.json'), 'utf8')) as {
      engines: { node: string };
    };
    const [least, ...more] = jobs.embedded.strategy!.matrix.node;
    expect(engines.node).toMatch(new RegExp(`^>=${least}\\.`));
    const image = /^FROM node:(\d+)-slim/m.exec(readFileSync(projectFile('Dockerfile'), 'utf8'))![1];
    expect(more).toContain(Number(image));
    expect(readFileSync(projectFile('README.md'), 'utf8')).toContain(
      `Node ${engines.node.slice(2)} or newer`,
    );
  });
});
