import { cpSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@clickhouse/client';
import { inject } from 'vitest';
import { migrate } from '../../src/store/migrate.js';
import { openStore } from '../../src/store/open-store.js';
import type { Store } from '../../src/store/store.js';

/** What is in a store from its beginning. */
export interface Contents {
  /** Whose contents are the same have the same name. */
  readonly name: string;
  write(store: Store): Promise<void>;
}

const NOTHING: Contents = { name: 'migrated', write: async () => {} };

/**
 * A migrated store that goes away on `close`: the embedded engine, or with CLICKHOUSE_URL a database of its own on that server. No
 * other embedded store may be open in this process.
 */
export async function tempStore(
  contents = NOTHING,
): Promise<{ store: Store; dataDir: string; close(): Promise<void> }> {
  const dataDir = mkdtempSync(join(tmpdir(), 'perennial-'));
  const url = process.env.CLICKHOUSE_URL;
  const user = process.env.CLICKHOUSE_USER ?? 'default';
  const password = process.env.CLICKHOUSE_PASSWORD ?? '';
  const database = `test_${process.pid}_${Math.random().toString(36).slice(2, 8)}`;
  const onServer = url !== undefined && url !== '';
  if (!onServer) await copyStore(dataDir, contents);
  const store = await openStore(
    onServer ? { url: new URL(`/${database}`, url).toString(), user, password } : { dataDir },
  );
  await migrate(store);
  if (onServer) await contents.write(store);
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
 * Lays a migrated store of the embedded engine into a directory. Those of a run with the same contents are copies of one, which the
 * first test that needs it makes: to migrate and to fill it takes longer than most of what tests do with a store.
 */
export async function copyStore(dataDir: string, contents = NOTHING): Promise<void> {
  const first = join(inject('runFolder'), contents.name);
  if (!existsSync(first)) await makeStore(first, contents);
  // The engine's own links are relative, and stay so.
  cpSync(first, dataDir, { recursive: true, verbatimSymlinks: true });
}

async function makeStore(directory: string, contents: Contents): Promise<void> {
  const made = mkdtempSync(`${directory}-`);
  if (contents !== NOTHING) await copyStore(made);
  const store = await openStore({ dataDir: made });
  await migrate(store);
  await contents.write(store);
  await store.close();
  try {
    renameSync(made, directory);
  } catch (thrown) {
    // Another test file was first.
    if (!existsSync(directory)) throw thrown;
    rmSync(made, { recursive: true });
  }
}
