import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@clickhouse/client';
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
  const store = await openStore(
    url === undefined || url === ''
      ? { dataDir }
      : { url: new URL(`/${database}`, url).toString(), user, password },
  );
  await migrate(store);
  return {
    store,
    dataDir,
    async close() {
      await store.close();
      if (url !== undefined && url !== '') {
        const client = createClient({ url: new URL('/', url).toString(), username: user, password });
        await client.command({ query: `DROP DATABASE IF EXISTS ${database}` });
        await client.close();
      }
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
