import { PerennialError } from '../core/errors.js';
import { type Migration, readMigrations } from './migration-files.js';
import type { Store } from './store.js';
import { VIEWS_NAME } from './view-files.js';

/** How the tables of a store stand to this program. */
export interface SchemaState {
  /** Whether there are any of Perennial's tables. */
  readonly tables: boolean;
  /** Migrations that this program has and the store lacks, in order. */
  readonly missing: readonly Migration[];
  /** Those that a newer program has applied, and this one knows nothing of. It runs beside them as they are. */
  readonly newer: readonly string[];
  /**
   * This program's views, where the store has those of another one that came later, or knows of tables that this one does not. They
   * serve this program too, and only `migrateWithOwnViews` replaces them.
   */
  readonly replaced: Migration | undefined;
}

interface Applied {
  readonly name: string;
  readonly hash: string;
  readonly needs?: string;
  readonly applied_at: string;
}

/**
 * Looks at the store and changes nothing. Throws `failed_precondition` when it holds a migration with other contents than this
 * program's, or one that takes away what this program uses: it was contracted for a newer one.
 */
export async function schemaState(store: Store, migrations = readMigrations()): Promise<SchemaState> {
  const there = await store.rows(
    "SELECT 1 FROM system.tables WHERE database = currentDatabase() AND name = 'perennial_migrations'",
  );
  if (there.length === 0) return { tables: false, missing: migrations, newer: [], replaced: undefined };
  // All columns: `needs` came later than the table.
  const rows = await store.rows<Applied>('SELECT * FROM perennial_migrations FINAL ORDER BY name');
  const known = new Map(migrations.map((migration) => [migration.name, migration]));
  const done = new Set(rows.map(({ name }) => name));
  for (const { name, hash, needs = '' } of rows) {
    const mine = known.get(name);
    if (mine !== undefined && mine.hash !== hash) {
      throw new PerennialError(
        'failed_precondition',
        `Migration ${name} is not the one that was applied to the store.`,
        {
          hint: 'Another version made these tables, and there is no way from them to this one: run that version, or name an empty data directory or database. Who has changed the file: put the change into a new migration.',
        },
      );
    }
    if (mine === undefined && needs !== '' && !known.has(needs)) {
      throw new PerennialError(
        'failed_precondition',
        `The store is of a newer Perennial: its ${name} takes away what this version uses.`,
        {
          hint: `Run a version that knows ${needs}, or restore a backup from before (docs/operations.md).`,
        },
      );
    }
  }
  const newer = [...done].filter((name) => !known.has(name));
  const latest = rows
    .filter(({ name }) => isViews(name))
    .sort(byTime)
    .at(-1)?.name;
  const views = migrations.find(({ name }) => isViews(name));
  const others = latest !== undefined && views !== undefined && latest !== views.name;
  const replaced =
    others && (done.has(views.name) || newer.some((name) => !isViews(name))) ? views : undefined;
  const missing = migrations.filter((migration) => !done.has(migration.name) && migration !== replaced);
  return { tables: true, missing, newer, replaced };
}

const isViews = (name: string) => name.startsWith(VIEWS_NAME);
/** As text times of the store order as times do. */
const byTime = (a: Applied, b: Applied) => (a.applied_at < b.applied_at ? -1 : 1);

/** For all that reads, or must not make tables in passing: throws `not_found` or `failed_precondition`, with what to do. */
export async function requireSchema(store: Store, migrations = readMigrations()): Promise<void> {
  const { tables, missing } = await schemaState(store, migrations);
  if (!tables) {
    throw new PerennialError('not_found', `There are no tables of Perennial in ${store.name}.`, {
      hint: '`perennial migrate` makes them, if this is the right store; --data, PERENNIAL_DATA and CLICKHOUSE_URL name another.',
    });
  }
  if (missing.length === 0) return;
  throw new PerennialError(
    'failed_precondition',
    `The tables of ${store.name} are of an earlier version: ${missing.map(({ name }) => name).join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing.`,
    { hint: 'Bring them up to date with `perennial migrate`; the roles do it when they start.' },
  );
}
