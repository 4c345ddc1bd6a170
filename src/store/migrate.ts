import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { PerennialError } from '../core/errors.js';
import type { Store } from './store.js';

interface Migration {
  /** "0001_signals": number and subject. */
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the file: an applied migration must never change. */
  readonly hash: string;
}

/** What a migration drops, it means to: the HTTP interface holds back a slip of others. */
const DROPS = { max_table_size_to_drop: 0, max_partition_size_to_drop: 0 } as const;

/** The migrations that come with this program, in order. */
export function readMigrations(folder = new URL('./migrations/', import.meta.url)): readonly Migration[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file) => {
      const sql = readFileSync(new URL(file, folder), 'utf8');
      return {
        name: file.slice(0, -'.sql'.length),
        sql,
        hash: createHash('sha256').update(sql).digest('hex'),
      };
    });
}

/**
 * Brings the store to this program's state: applies the migrations that it lacks, in order, each once.
 *
 * Throws `failed_precondition` when the store holds a migration this program does not know (it was written by a newer
 * one), or an applied migration whose content differs. A migration that died half way is run again: its statements say
 * CREATE, and those of its objects that are there already are left as they are.
 */
export async function migrate(store: Store, migrations = readMigrations()): Promise<{ applied: string[] }> {
  await store.command(
    `CREATE TABLE IF NOT EXISTS perennial_migrations (name String, hash String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3))
     ENGINE = ReplacingMergeTree ORDER BY name`,
  );
  const rows = await store.rows<{ name: string; hash: string }>(
    'SELECT name, hash FROM perennial_migrations FINAL ORDER BY name',
  );
  const done = new Map(rows.map((row) => [row.name, row.hash]));
  const known = new Set(migrations.map((migration) => migration.name));
  const newer = [...done.keys()].filter((name) => !known.has(name));
  if (newer.length > 0) {
    throw new PerennialError(
      'failed_precondition',
      `The store was written by a newer Perennial: it has ${newer.join(', ')}.`,
      {
        hint: 'Run that version or a later one on it.',
      },
    );
  }
  const applied: string[] = [];
  for (const { name, sql, hash } of migrations) {
    const was = done.get(name);
    if (was === hash) continue;
    if (was !== undefined) {
      throw new PerennialError(
        'failed_precondition',
        `Migration ${name} is not the one that was applied to the store.`,
        {
          hint: 'Applied migrations never change: restore the file, and put the change into a new one.',
        },
      );
    }
    for (const statement of statements(sql))
      await store.command(idempotent(statement), {}, { settings: DROPS });
    // Not VALUES: the embedded engine would take the standard input of this process, when there is one, for more rows.
    await store.command('INSERT INTO perennial_migrations (name, hash) SELECT {name:String}, {hash:String}', {
      name,
      hash,
    });
    applied.push(name);
  }
  return { applied };
}

/** Migration files end each statement with ";" at the end of a line, and nowhere else have one there. */
function statements(sql: string): string[] {
  return sql
    .split(/;\s*$/m)
    .map((statement) => statement.replace(/^\s*--.*$/gm, '').trim())
    .filter((statement) => statement !== '');
}

function idempotent(statement: string): string {
  return statement.replace(
    /^CREATE (TABLE|VIEW|MATERIALIZED VIEW) (?!IF NOT EXISTS)/,
    'CREATE $1 IF NOT EXISTS ',
  );
}
