import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate } from '../../src/store/migrate.js';
import { openStore } from '../../src/store/open-store.js';
import { differences, END, runBytes } from '../support/business.js';

const MAIN = new URL('../../dist/cli/main.js', import.meta.url).pathname;
const AS_OF = new Date(END).toISOString();

describe('kill -9 in the middle', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-kill-'));
  const files = ['signals', 'subscriptions', 'outcomes'].map((name) => join(folder, 'sim', `${name}.ndjson`));
  beforeAll(() =>
    perennial('simulate', '--accounts', '120', '--end', '2026-01-01', '--out', join(folder, 'sim')),
  );
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('and a restart gives the same bytes as an undisturbed run', async () => {
    const calm = join(folder, 'calm');
    await perennial('ingest', '--data', calm, ...files);
    await perennial('score', '--all', '--as-of', AS_OF, '--run', 'then', '--data', calm);

    const killed = join(folder, 'killed');
    const rows = () => countSignals(killed);
    await killedAfter(1, 'ingest', '--data', killed, ...files);
    await killedAfter(2, 'ingest', '--data', killed, ...files);
    const partly = await rows();
    await perennial('ingest', '--data', killed, ...files);
    const wholly = await rows();
    expect(partly).toBeGreaterThan(0);
    expect(partly).toBeLessThan(wholly);
    await perennial('score', '--all', '--as-of', AS_OF, '--run', 'then', '--data', killed);
    expect(differences(await bytesOf(killed), await bytesOf(calm))).toEqual([]);

    // A live pass that dies between its inserts: the next one completes it and repeats nothing.
    await killedAfter(2, 'score', '--all', '--data', killed);
    await perennial('score', '--all', '--data', killed);
    await perennial('score', '--all', '--data', calm);
    expect(await openActions(killed)).toEqual(await openActions(calm));
  }, 300_000);
});

async function perennial(...args: string[]): Promise<void> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`perennial ${args[0]} ended with ${code}: ${stderr}`);
}

/** Starts a command and kills it once the engine has taken so many inserts; each leaves its bytes in the inbox for a moment. */
async function killedAfter(inserts: number, ...args: string[]): Promise<void> {
  const child = spawn(process.execPath, ['--import', WATCH, MAIN, ...args], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: { ...process.env, KILL_AFTER_INSERTS: String(inserts) },
  });
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  expect({ code, signal }).toEqual({ code: null, signal: 'SIGKILL' });
}

/** Runs inside the child: counts files put into the inbox and kills the process in the middle of that insert. */
const WATCH = `data:text/javascript,${encodeURIComponent(`
  import promises from 'node:fs/promises';
  import { syncBuiltinESMExports } from 'node:module';
  const write = promises.writeFile;
  let inserts = 0;
  promises.writeFile = async (...args) => {
    await write(...args);
    if (String(args[0]).endsWith('.arrow') && ++inserts > Number(process.env.KILL_AFTER_INSERTS)) process.kill(process.pid, 'SIGKILL');
  };
  syncBuiltinESMExports();
`)}`;

async function countSignals(dataDir: string): Promise<number> {
  const store = await openStore({ dataDir });
  try {
    const [row] = await store.rows<{ signals: number }>('SELECT count() AS signals FROM signals');
    return row!.signals;
  } finally {
    await store.close();
  }
}

/** What is open, as account, subscription and action; one opened twice stands there twice. */
async function openActions(dataDir: string): Promise<string[]> {
  const store = await openStore({ dataDir });
  try {
    const rows = await store.rows<{ open: string }>(
      `SELECT concat(account_id, ' ', subscription_id, ' ', kind, ' ', action) AS open FROM decisions WHERE closed_at IS NULL ORDER BY open`,
    );
    expect(rows.length).toBeGreaterThan(10);
    return rows.map(({ open }) => open);
  } finally {
    await store.close();
  }
}

async function bytesOf(dataDir: string) {
  const store = await openStore({ dataDir });
  try {
    await migrate(store);
    return await runBytes(store);
  } finally {
    await store.close();
  }
}
