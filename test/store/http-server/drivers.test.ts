import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DAY_MS } from '../../../src/core/clock.js';
import { loadDefinitions } from '../../../src/engine/definitions.js';
import { Engine } from '../../../src/engine/engine.js';
import { hashPassword } from '../../../src/store/http-server/password.js';
import { migrate } from '../../../src/store/migrate.js';
import { openStore } from '../../../src/store/open-store.js';
import { business, END, writeAll } from '../../support/business.js';
import { type Driver, goDriver, jdbcDriver } from '../../support/drivers.js';
import { projectFile } from '../../support/project.js';
import { findPython } from '../../support/python.js';
import { type TestServer, testServer } from './support.js';

/** What data teams connect with, unchanged and with its own defaults, on one served store. */
const PASSWORD = 'p w:"';
let t: TestServer;
let defects: unknown[];
const scratch = mkdtempSync(join(tmpdir(), 'perennial-drivers-'));
beforeAll(async () => {
  const passwordHash = await hashPassword(PASSWORD);
  defects = [];
  t = await testServer({
    users: [
      { name: 'ana', kind: 'full', passwordHash },
      { name: 'data', kind: 'reader', passwordHash },
      { name: 'dbt', kind: 'writer', databases: ['lab', 'analytics'], passwordHash },
    ],
    log: pino({ level: 'error' }, { write: (line) => void defects.push(line) }),
  });
  const store = await openStore({ dataDir: t.dataDir });
  await migrate(store);
  // A business with a past: dbt's models and tests are about its figures.
  await writeAll(store, business({ accounts: 20 }));
  const definitions = await loadDefinitions(store, projectFile('scoring'), projectFile('rules'));
  let now = END;
  const log = pino({ level: 'silent' });
  const engine = new Engine({ store, definitions, clock: () => now, log, fullRescoreEveryMs: null });
  for (const days of [60, 0]) {
    now = END - days * DAY_MS;
    await engine.rescoreAll();
  }
  await engine.stop();
  await store.close();
});
afterAll(async () => {
  await t.close();
  rmSync(scratch, { recursive: true, force: true });
  expect(defects).toEqual([]);
});

async function run(command: readonly string[], env: NodeJS.ProcessEnv = {}, cwd?: string) {
  const child = spawn(command[0]!, command.slice(1), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (output += part));
  const [code] = (await once(child, 'close')) as [number];
  return { code, output };
}

const python = findPython();
function skipped(what: string, found: { why?: string }): boolean {
  if (found.why !== undefined) console.warn(`SKIPPED: ${what} against perennial clickhouse. ${found.why}`);
  return found.why === undefined;
}

it.runIf(skipped("Python's clickhouse-connect and SQLAlchemy", python as { why?: string }))(
  "serves Python's clickhouse-connect and SQLAlchemy",
  async () => {
    const check = projectFile('test/support/python/clickhouse_connect_check.py');
    const address = ['127.0.0.1', String(t.server.port)];
    const { code, output } = await run([python.python!, check, ...address, 'ana', PASSWORD, 'data']);
    expect(output).toMatch(/^clickhouse-connect [\d.]* ?ok\nsqlalchemy [\d.]+ ok$/m);
    expect(code).toBe(0);
  },
);

it.runIf(skipped('dbt', python as { why?: string }))(
  'serves dbt as a writer: integrations/dbt is built and tested, and built again',
  async () => {
    const dbt = [python.python!, '-m', 'dbt.cli.main', '--no-use-colors', '--no-version-check'];
    const env = { DBT_PORT: String(t.server.port), DBT_PASSWORD: PASSWORD };
    const places = [
      '--profiles-dir',
      projectFile('test/support/python/dbt'),
      '--target-path',
      join(scratch, 'target'),
      '--log-path',
      join(scratch, 'logs'),
    ];
    for (let i = 0; i < 2; i++) {
      const { output, code } = await run([...dbt, 'build', ...places], env, projectFile('integrations/dbt'));
      expect(output).toMatch(/Done\. PASS=\d+ WARN=0 ERROR=0 SKIP=0/);
      expect(Number(/PASS=(\d+)/.exec(output)![1])).toBeGreaterThan(30);
      expect(output).not.toContain('read_only');
      expect(code).toBe(0);
    }
    const counted = await t.clientWith({ username: 'data', password: PASSWORD }).query({
      query: `SELECT (SELECT count() FROM analytics.risk_days) AS days, (SELECT uniqExact(account_id, subscription_id, toDate(as_of)) FROM risk_history) AS wanted,
          (SELECT count() FROM analytics.customers) AS customers, (SELECT count() FROM analytics.ended_terms) AS terms`,
      format: 'JSONEachRow',
    });
    const [row] = await counted.json<Record<string, string>>();
    expect(Number(row!.days)).toBe(Number(row!.wanted));
    for (const count of Object.values(row!)) expect(Number(count)).toBeGreaterThan(0);
  },
);

it.each(['0.9', '0.10'] as const)('serves the JDBC driver %s', async (version) => {
  const found: Driver = jdbcDriver(version);
  if (!skipped(`the JDBC driver ${version}`, found as { why?: string })) return;
  const url = `jdbc:clickhouse://127.0.0.1:${t.server.port}/default`;
  const { code, output } = await run([...found.command!, url, PASSWORD, 'default']);
  expect(output).toMatch(/^jdbc ok/m);
  expect(code).toBe(0);
});

it('serves clickhouse-go, and with it Grafana', async () => {
  const found = goDriver();
  if (!skipped('clickhouse-go', found as { why?: string })) return;
  const { code, output } = await run([...found.command!, `127.0.0.1:${t.server.port}`, PASSWORD, 'default']);
  expect(output).toBe('clickhouse-go ok\n');
  expect(code).toBe(0);
});
