import { listCurrencies } from './currencies.js';
import { describeViews } from './describe-views.js';
import { remakeFeatureViews } from './feature-views.js';
import { type Migration, readMigrations, statementsOf } from './migration-files.js';
import { DROPS, type LockTimes, type MigrationLock, withMigrationLock } from './migration-lock.js';
import { type SchemaState, schemaState } from './schema-state.js';
import type { Store } from './store.js';
import { VIEWS_NAME } from './view-files.js';

/**
 * Brings the store to this program's state: applies the migrations that it lacks, in order, each once, while no other process does.
 * Migrations and views of a newer program stay as they are.
 *
 * Throws `failed_precondition` when the store is not fit for this program (`schemaState`). A migration that died half way is run
 * again: its statements say CREATE, and those of its objects that are there already are left as they are.
 */
export async function migrate(
  store: Store,
  migrations = readMigrations(),
  lockTimes?: LockTimes,
): Promise<{ applied: string[] }> {
  return await bring(store, migrations, ({ missing }) => missing, lockTimes);
}

/**
 * As `migrate`, and makes this program's views again where a later program has replaced them. The views of the later program then
 * count as never applied: when it starts again, it replaces these.
 */
export async function migrateWithOwnViews(
  store: Store,
  migrations = readMigrations(),
): Promise<{ applied: string[] }> {
  return await bring(store, migrations, ({ missing, replaced }) =>
    replaced === undefined ? missing : [...missing, replaced],
  );
}

async function bring(
  store: Store,
  migrations: readonly Migration[],
  choose: (state: SchemaState) => readonly Migration[],
  lockTimes?: LockTimes,
): Promise<{ applied: string[] }> {
  if (choose(await schemaState(store, migrations)).length === 0) return { applied: [] };
  const work = async (lock: MigrationLock) => {
    await store.command(
      `CREATE TABLE IF NOT EXISTS perennial_migrations (name String, hash String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3),
         needs String DEFAULT '')
       ENGINE = ReplacingMergeTree ORDER BY name`,
    );
    await store.command("ALTER TABLE perennial_migrations ADD COLUMN IF NOT EXISTS needs String DEFAULT ''");
    // Another process may have applied them while this one waited.
    const state = await schemaState(store, migrations);
    const chosen = choose(state);
    for (const migration of chosen) {
      await apply(store, migration, lock);
      // Before the last one counts as applied: a process that dies here leaves it to the next.
      if (migration === chosen.at(-1)) await complete(store, migrations);
      if (migration === state.replaced) await forgetViews(store);
      await record(store, migration);
    }
    return { applied: chosen.map(({ name }) => name) };
  };
  return await withMigrationLock(store, work, lockTimes);
}

/**
 * The same for a store whose views are not to be trusted: all of them are made anew. A backup restored under another name of the
 * database is one: the engine rewrites its views, and loses the aliases of their tables.
 */
export async function migrateAnew(store: Store): Promise<void> {
  await forgetViews(store);
  await migrate(store);
  await remakeFeatureViews(store);
}

/** From now on no program's views count as applied. */
async function forgetViews(store: Store): Promise<void> {
  await store.command(
    `ALTER TABLE perennial_migrations DELETE WHERE startsWith(name, {views:String}) SETTINGS mutations_sync = 2`,
    { views: VIEWS_NAME },
  );
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
  // Later than all before it, also where the store's clock was set back: which views came last is known by it.
  await store.command(
    `INSERT INTO perennial_migrations (name, hash, needs, applied_at)
     SELECT {name:String}, {hash:String}, {needs:String}, greatest(now64(3), max(applied_at) + INTERVAL 1 MILLISECOND)
     FROM perennial_migrations`,
    { name, hash, needs },
  );
}

function idempotent(statement: string): string {
  return statement.replace(
    /^CREATE (TABLE|VIEW|MATERIALIZED VIEW) (?!IF NOT EXISTS)/,
    'CREATE $1 IF NOT EXISTS ',
  );
}
