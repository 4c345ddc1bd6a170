import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Category, connect, type IngestSignalsResponse } from '../../src/client/index.js';
import { openStore } from '../../src/store/open-store.js';
import { projectFile } from '../support/project.js';
import { PERENNIAL } from '../support/served-store.js';

let dataDir: string;
let child: ChildProcess | undefined;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'perennial-up-'));
});
afterEach(() => {
  // The whole group, so that nothing that a command has started is left over.
  if (child !== undefined && child.exitCode === null && child.signalCode === null)
    process.kill(-child.pid!, 'SIGKILL');
  rmSync(dataDir, { recursive: true, force: true });
});

/** Starts `perennial up`, as itself or by a command of its own process group, and waits until it says where it answers. */
async function up(
  command: readonly [string, ...string[]] = [process.execPath, PERENNIAL, 'up'],
): Promise<{ process: ChildProcess; target: string }> {
  const [file, ...args] = command;
  child = spawn(file, args, {
    cwd: projectFile('.'),
    detached: true,
    env: {
      HOME: process.env.HOME,
      PATH: process.env.PATH,
      PERENNIAL_DATA: dataDir,
      PERENNIAL_SCORING: projectFile('scoring'),
      PERENNIAL_RULES: projectFile('rules'),
      PERENNIAL_GRPC: '127.0.0.1:0',
      PERENNIAL_HTTP: '127.0.0.1:0',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  for await (const line of createInterface({ input: child.stderr! })) {
    said += `${line}\n`;
    if (!line.includes('Serving gRPC')) continue;
    child.stderr!.resume();
    return { process: child, target: (JSON.parse(line) as { address: string }).address };
  }
  throw new Error(`up ended without serving:\n${said}`);
}

/** Sends signals of accounts `a0`, `a1`…, and resolves when they are acknowledged. */
async function send(target: string, accounts: number): Promise<IngestSignalsResponse> {
  const client = connect({ server: target });
  const time = timestampFromMs(Date.now() - 60_000);
  try {
    return await client.signals.ingestSignals({
      signals: Array.from({ length: accounts }, (_, i) => ({
        id: String(i),
        source: 'test',
        category: Category.USAGE,
        type: 'feature_used',
        accountId: `a${i}`,
        time,
        attributes: { feature_key: 'f' },
      })),
    });
  } finally {
    client.close();
  }
}

it.each(['SIGTERM', 'SIGINT'] as const)(
  'up takes signals over gRPC, answers, and ends by %s with 0 once all it took is scored',
  async (signal) => {
    const { process: running, target } = await up();
    expect(await send(target, 300)).toMatchObject({ acceptedCount: 300, rejectedCount: 0 });
    const exited = once(running, 'exit');
    running.kill(signal);
    expect(await exited).toEqual([0, null]);
    const store = await openStore({ dataDir });
    try {
      const [row] = await store.rows(
        'SELECT (SELECT count() FROM signals) AS signals, uniqExact(account_id) AS scored FROM risks',
      );
      expect(row).toEqual({ signals: 300, scored: 300 });
    } finally {
      await store.close();
    }
  },
);

it.each([
  ['SIGTERM to npm alone, as a supervisor sends it', 'SIGTERM', 1],
  ['Ctrl-C, which the terminal sends to all, and npm passes on once more', 'SIGINT', -1],
] as const)('npm start ends with 0 once all it took is scored, by %s', async (_, signal, whom) => {
  const { process: npm, target } = await up(['npm', 'start']);
  await send(target, 300);
  const exited = once(npm, 'exit');
  process.kill(whom * npm.pid!, signal);
  expect(await exited).toEqual([0, null]);
  // Were the server still there, the data directory would be held.
  const store = await openStore({ dataDir });
  try {
    expect(await store.rows('SELECT uniqExact(account_id) AS scored FROM risks')).toEqual([{ scored: 300 }]);
  } finally {
    await store.close();
  }
});

it('up goes on where the process before it was killed', async () => {
  const before = await up();
  await send(before.target, 3);
  const killed = once(before.process, 'exit');
  before.process.kill('SIGKILL');
  await killed;
  const { target, process: running } = await up();
  const client = connect({ server: target });
  const { risk } = await client.risks.explainRisk({ subscriptionId: 'a1' });
  expect(risk).toMatchObject({ subscriptionId: 'a1', accountId: 'a1' });
  client.close();
  const exited = once(running, 'exit');
  running.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
});
