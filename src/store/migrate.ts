import { listCurrencies } from './currencies.js';
import { describeViews } from './describe-views.js';
import { remakeFeatureViews } from './feature-views.js';
import { type Migration, readMigrations, statementsOf } from './migration-files.js';
import { DROPS, type LockTimes, type MigrationLock, withMigrationLock } from './migration-lock.js';
import { schemaState } from './schema-state.js';
import type { Store } from './store.js';
import { VIEWS_NAME } from './view-files.js';

/**
 * Brings the store to this program's state: applies the migrations that it lacks, in order, each once, while no other process does.
 * Migrations of a newer program stay as they are.
 *
 * Throws `failed_precondition` when the store is not fit for this program (`schemaState`). A migration that died half way is run
 * again: its statements say CREATE, and those of its objects that are there already are left as they are.
 */
export async function migrate(
  store: Store,
  migrations = readMigrations(),
  lockTimes?: LockTimes,
): Promise<{ applied: string[] }> {
  if ((await schemaState(store, migrations)).missing.length === 0) return { applied: [] };
  const work = async (lock: MigrationLock) => {
    await store.command(
      `CREATE TABLE IF NOT EXISTS perennial_migrations (name String, hash String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3),
         needs String DEFAULT '')
       ENGINE = ReplacingMergeTree ORDER BY name`,
    );
    await store.command("ALTER TABLE perennial_migrations ADD COLUMN IF NOT EXISTS needs String DEFAULT ''");
    // Another process may have applied them while this one waited.
    const { missing } = await schemaState(store, migrations);
    for (const migration of missing) {
      await apply(store, migration, lock);
      // Before the last one counts as applied: a process that dies here leaves it to the next.
      if (migration === missing.at(-1)) await complete(store, migrations);
      await record(store, migration);
    }
    return { applied: missing.map(({ name }) => name) };
  };
  return await withMigrationLock(store, work, lockTimes);
}

/**
 * The same for a store whose views are not to be trusted: all of them are made anew. A backup restored under another name of the
 * database is one: the engine rewrites its views, and loses the aliases of their tables.
 */
export async function migrateAnew(store: Store): Promise<void> {
  await store.command(
    `ALTER TABLE perennial_migrations DELETE WHERE startsWith(name, {views:String}) SETTINGS mutations_sync = 2`,
    { views: VIEWS_NAME },
  );
  await migrate(store);
  await remakeFeatureViews(store);
}

/** What belongs to the views: their comments, and the list of currencies that they look money up in. */
async function complete(store: Store, migrations: readonly Migration[]): Promise<void> {
  if (!migrations.some(({ sql }) => sql.includes('CREATE OR REPLACE VIEW currencies'))) return;
  await describeViews(store);
  await listCurrencies(store);
}

async function apply(store: Store, { sql }: Migration, lock: MigrationLock): Promise<void> {
  for (const statement of statementsOf(sql)) {
    await lock.assertStillOwner();
    await store.command(idempotent(statement), {}, { settings: DROPS });
  }
}

async function record(store: Store, { name, hash, needs }: Migration): Promise<void> {
  // Not VALUES: the embedded engine would take the standard input of this process, when there is one, for more rows.
  await store.command(
    'INSERT INTO perennial_migrations (name, hash, needs) SELECT {name:String}, {hash:String}, {needs:String}',
    { name, hash, needs },
  );
}

function idempotent(statement: string): string {
  return statement.replace(
    /^CREATE (TABLE|VIEW|MATERIALIZED VIEW) (?!IF NOT EXISTS)/,
    'CREATE $1 IF NOT EXISTS ',
  );
}
