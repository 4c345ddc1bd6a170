import { cpSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@clickhouse/client';
import { inject } from 'vitest';
import { migrate } from '../../src/store/migrate.js';
import { openStore } from '../../src/store/open-store.js';
import type { Store } from '../../src/store/store.js';

/**
 * An empty, migrated store that goes away on `close`: the embedded engine, or with CLICKHOUSE_URL a database of its own on
 * that server.
 */
export async function tempStore(): Promise<{ store: Store; dataDir: string; close(): Promise<void> }> {
  const dataDir = mkdtempSync(join(tmpdir(), 'perennial-'));
  const url = process.env.CLICKHOUSE_URL;
  const user = process.env.CLICKHOUSE_USER ?? 'default';
  const password = process.env.CLICKHOUSE_PASSWORD ?? '';
  const database = `test_${process.pid}_${Math.random().toString(36).slice(2, 8)}`;
  const onServer = url !== undefined && url !== '';
  if (!onServer) await copyMigratedStore(dataDir);
  const store = await openStore(
    onServer ? { url: new URL(`/${database}`, url).toString(), user, password } : { dataDir },
  );
  await migrate(store);
  return {
    store,
    dataDir,
    async close() {
      await store.close();
      if (onServer) {
        const client = createClient({ url: new URL('/', url).toString(), username: user, password });
        await client.command({ query: `DROP DATABASE IF EXISTS ${database}` });
        await client.close();
      }
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/**
 * Lays an empty, migrated store of the embedded engine into a directory. All of a run are copies of one, which the first test that
 * needs it makes: migrations take longer than most of what tests do with a store. No other store may be open in this process.
 */
export async function copyMigratedStore(dataDir: string): Promise<void> {
  const first = join(inject('runFolder'), 'migrated-store');
  if (!existsSync(first)) await makeMigratedStore(first);
  // The engine's own links are relative, and stay so.
  cpSync(first, dataDir, { recursive: true, verbatimSymlinks: true });
}

async function makeMigratedStore(directory: string): Promise<void> {
  const made = mkdtempSync(`${directory}-`);
  const store = await openStore({ dataDir: made });
  await migrate(store);
  await store.close();
  try {
    renameSync(made, directory);
  } catch (thrown) {
    // Another test file was first.
    if (!existsSync(directory)) throw thrown;
    rmSync(made, { recursive: true });
  }
}
