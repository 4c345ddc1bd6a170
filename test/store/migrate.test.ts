import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate, readMigrations } from '../../src/store/migrate.js';
import { openStore } from '../../src/store/open-store.js';
import type { Store } from '../../src/store/store.js';

describe('migrations', () => {
  const directory = mkdtempSync(join(tmpdir(), 'perennial-'));
  let store: Store;
  beforeAll(async () => {
    store = await openStore({ dataDir: directory });
  });
  afterAll(async () => {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it('are applied in order, once', async () => {
    const names = readMigrations().map((migration) => migration.name);
    expect(names.length).toBeGreaterThan(0);
    expect((await migrate(store)).applied).toEqual(names);
    expect((await migrate(store)).applied).toEqual([]);
  });

  it('are run again when the process died in the middle of one', async () => {
    const last = readMigrations().at(-1)!;
    await store.command('DELETE FROM perennial_migrations WHERE name = {name:String}', { name: last.name });
    expect((await migrate(store)).applied).toEqual([last.name]);
  });

  it('refuse a store that a newer program wrote', async () => {
    const older = readMigrations().slice(0, -1);
    await expect(migrate(store, older)).rejects.toThrow(/written by a newer Perennial/);
  });

  it('refuse an applied migration whose content has changed', async () => {
    const changed = readMigrations().map((m, i) => (i === 0 ? { ...m, hash: 'other' } : m));
    await expect(migrate(store, changed)).rejects.toThrow(/not the one that was applied/);
  });
});
