import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { Millis } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import { makeFolder } from '../core/make-folder.js';
import { diskFault } from './engine/own-files.js';
import { migrateAnew } from './migrate.js';
import { quoteName, quoteText } from './sql-quote.js';
import type { Store } from './store.js';

const MANIFEST = 'manifest.json';
/** Where the engine's own files of a backup are, beside its manifest. */
const DATA = 'data';

const manifestFile = z.strictObject({
  version: z.literal(1),
  database: z.string(),
  createdAt: z.string(),
  /** The full backup, in the same directory, that this one only adds to; null: this one is full. */
  base: z.string().nullable(),
  migrations: z.array(z.string()),
  /** Rows of each table whose rows do not expire; null when it changed while it was backed up. */
  tables: z.record(z.string(), z.number().nullable()),
});
export type BackupManifest = z.infer<typeof manifestFile>;

export interface Backup {
  readonly name: string;
  readonly manifest: BackupManifest;
}

export interface BackupList {
  /** The complete ones, oldest first: one without a manifest was cut off, and does not count. */
  readonly backups: readonly Backup[];
  /** Names of those whose manifest can't be read. They keep nobody from making or restoring others. */
  readonly damaged: readonly string[];
}

export function listBackups(directory: string): BackupList {
  const backups: Backup[] = [];
  const damaged: string[] = [];
  for (const name of namesIn(directory)) {
    const place = join(directory, name, MANIFEST);
    if (!existsSync(place)) continue;
    const manifest = readManifest(place);
    if (manifest === undefined) damaged.push(name);
    else backups.push({ name, manifest });
  }
  return { backups, damaged };
}

function namesIn(directory: string): string[] {
  if (!existsSync(directory)) return [];
  try {
    return readdirSync(directory).sort();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    throw new PerennialError('failed_precondition', `Can't list ${directory} (${code}).`, {
      hint: 'Name the directory that holds the backups.',
      cause,
    });
  }
}

/**
 * Backs up all tables of the store into a folder of its own, by the engine: a consistent copy of its parts. Adds to the latest full
 * backup in the directory, so that only new parts are written, unless there is none or `full` is asked for.
 */
export async function backUp(
  store: Store,
  directory: string,
  options: { readonly now: Millis; readonly full: boolean; readonly signal?: AbortSignal },
): Promise<Backup> {
  const all = resolve(directory);
  const fulls = listBackups(all).backups.filter(({ manifest }) => manifest.base === null);
  const base = options.full ? undefined : fulls.at(-1)?.name;
  const createdAt = new Date(options.now).toISOString();
  const name = createdAt.replace(/[-:.]/g, '');
  const folder = join(all, name);
  makeWritable(folder);
  try {
    return await madeIn(store, folder, { ...options, name, createdAt, all, base });
  } catch (thrown) {
    // It is of no use, and takes the room that the next one needs.
    rmSync(folder, { recursive: true, force: true });
    throw unmade(thrown, folder, base);
  }
}

async function madeIn(
  store: Store,
  folder: string,
  plan: {
    readonly name: string;
    readonly createdAt: string;
    readonly all: string;
    readonly base: string | undefined;
    readonly signal?: AbortSignal;
  },
): Promise<Backup> {
  const { name, createdAt, all, base } = plan;
  const [{ database }] = (await store.rows('SELECT currentDatabase() AS database')) as [{ database: string }];
  const before = await rowsOf(store);
  const id = randomUUID();
  const onBase = base === undefined ? '' : `, base_backup = ${fileOf(join(all, base))}`;
  await store.command(
    `BACKUP DATABASE ${quoteName(database)} TO ${fileOf(folder)} SETTINGS id = ${quoteText(id)}${onBase}`,
    {},
    callOf(plan),
  );
  await assertWritten(store, id, join(folder, DATA));
  const after = await rowsOf(store);
  const migrations = await store.rows<{ name: string }>(
    'SELECT name FROM perennial_migrations FINAL ORDER BY name',
  );
  const manifest: BackupManifest = {
    version: 1,
    database,
    createdAt,
    base: base ?? null,
    migrations: migrations.map(({ name: migration }) => migration),
    tables: Object.fromEntries(
      [...after].map(([table, rows]) => [table, before.get(table) === rows ? rows : null]),
    ),
  };
  // Last, and whole: what has a manifest is complete.
  const file = join(folder, MANIFEST);
  writeFileSync(`${file}.partial`, `${JSON.stringify(manifest, null, 2)}\n`, { flush: true });
  renameSync(`${file}.partial`, file);
  return { name, manifest };
}

/** The embedded engine reports no failed write: on a full disk it calls a backup made whose files are cut or empty. */
async function assertWritten(store: Store, id: string, data: string): Promise<void> {
  const [made] = await store.rows<{ bytes: number }>(
    'SELECT toFloat64(uncompressed_size) AS bytes FROM system.backups WHERE id = {id:String}',
    { id },
  );
  const written = bytesUnder(data);
  if (made?.bytes === written) return;
  throw new PerennialError(
    'unavailable',
    `${written.toLocaleString('en')} of ${made?.bytes.toLocaleString('en') ?? 'its'} bytes were written: is its disk full?`,
  );
}

function bytesUnder(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    bytes += entry.isDirectory() ? bytesUnder(path) : statSync(path).size;
  }
  return bytes;
}

/**
 * Restores a backup into a store without tables, compares the rows of every table with the manifest, and brings it to this version. Throws
 * `failed_precondition` for a store that holds something, a backup whose base is gone, or rows that are not there.
 */
export async function restore(store: Store, backup: string, signal?: AbortSignal): Promise<BackupManifest> {
  const folder = resolve(backup);
  const place = join(folder, MANIFEST);
  if (!existsSync(place)) {
    throw new PerennialError('not_found', `There is no complete backup in ${folder}.`, {
      hint: 'Name the folder of one, which holds a manifest.json; `perennial backup --list <dir>` lists them.',
    });
  }
  const manifest = readManifest(place);
  if (manifest === undefined)
    throw new PerennialError('failed_precondition', `${place} is not the manifest of a backup.`, {
      hint: 'It is damaged: restore another backup.',
    });
  const there = await store.rows<{ name: string }>(
    'SELECT name FROM system.tables WHERE database = currentDatabase() AND NOT is_temporary LIMIT 1',
  );
  if (there.length > 0) {
    throw new PerennialError('failed_precondition', `${store.name} is not empty: it has ${there[0]!.name}.`, {
      hint: 'Restore into a directory or a database of its own.',
    });
  }
  const base = manifest.base === null ? undefined : join(folder, '..', manifest.base);
  if (base !== undefined && !existsSync(join(base, MANIFEST))) {
    throw new PerennialError(
      'failed_precondition',
      `The backup adds to ${manifest.base}, which is not beside it.`,
      {
        hint: 'Put the full backup of that name into the same directory.',
      },
    );
  }
  const [{ database }] = (await store.rows('SELECT currentDatabase() AS database')) as [{ database: string }];
  const settings = [
    'allow_different_database_def = 1',
    base === undefined ? '' : `base_backup = ${fileOf(base)}`,
  ];
  const rows = await restored(store, folder, () =>
    store.command(
      `RESTORE DATABASE ${quoteName(manifest.database)} AS ${quoteName(database)} FROM ${fileOf(folder)}
     SETTINGS ${settings.filter((setting) => setting !== '').join(', ')}`,
      {},
      callOf({ ...(signal === undefined ? {} : { signal }) }),
    ),
  );
  const wrong = Object.entries(manifest.tables).filter(
    ([table, count]) => count !== null && rows.get(table) !== count,
  );
  if (wrong.length === 0) {
    await migrateAnew(store);
    return manifest;
  }
  const [[table, wanted]] = wrong as [[string, number]];
  throw new PerennialError(
    'failed_precondition',
    `The backup was not restored whole: ${table} has ${rows.get(table) ?? 0} rows instead of ${wanted}.`,
    { hint: 'Restore another one, and keep this one to find out why.' },
  );
}

/**
 * Rows as they are once all parts are merged: merges go on before, between and after, and take away what is there twice. Not of
 * tables whose rows expire: those may be fewer later on.
 */
async function rowsOf(store: Store): Promise<Map<string, number>> {
  const tables = await store.rows<{ name: string; final: number }>(
    `SELECT name, toUInt8(engine != 'MergeTree') AS final FROM system.tables
     WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND engine_full NOT LIKE '% TTL %'
       AND name NOT LIKE 'perennial_migrating%' ORDER BY name`,
  );
  const counts = new Map<string, number>();
  for (const { name, final } of tables) {
    const sql = `SELECT count() AS n FROM ${quoteName(name)}${final === 1 ? ' FINAL' : ''}`;
    const [row] = await store.rows<{ n: number }>(sql, {}, { lane: 'batch' });
    counts.set(name, row!.n);
  }
  return counts;
}

/** The rows after a restoration. What the engine can't read is no defect of Perennial, but damage. */
async function restored(
  store: Store,
  folder: string,
  work: () => Promise<void>,
): Promise<Map<string, number>> {
  try {
    await work();
    return await rowsOf(store);
  } catch (thrown) {
    if (!(thrown instanceof PerennialError) || thrown.code !== 'internal') throw thrown;
    throw new PerennialError(
      'failed_precondition',
      `The backup ${folder}, or the full one that it adds to, is damaged: ${thrown.message}`,
      {
        hint: 'Restore another one, into a directory or database of its own: this one now holds a part.',
        cause: thrown,
      },
    );
  }
}

function unmade(thrown: unknown, folder: string, base: string | undefined): unknown {
  const reason = reasonOf(thrown);
  if (reason === undefined) return thrown;
  return new PerennialError('failed_precondition', `The backup ${folder} was not made: ${reason}`, {
    hint:
      base === undefined
        ? 'Look at the room on its disk, and at the rights of its directory.'
        : `Look at the room on its disk, and at ${base}, which it adds to: should that be damaged, make a new one with --full.`,
    cause: thrown,
  });
}

/** Undefined: it says enough by itself. */
function reasonOf(thrown: unknown): string | undefined {
  if (thrown instanceof PerennialError)
    return thrown.code === 'internal' || thrown.code === 'unavailable' ? thrown.message : undefined;
  const fault = diskFault(thrown);
  return fault === undefined ? undefined : `${fault}.`;
}

function fileOf(folder: string): string {
  return `File(${quoteText(`${join(folder, DATA)}/`)})`;
}

function callOf({ signal }: { readonly signal?: AbortSignal }) {
  return { lane: 'batch', ...(signal === undefined ? {} : { signal }) } as const;
}

function makeWritable(folder: string): void {
  try {
    makeFolder(folder);
  } catch (cause) {
    throw new PerennialError(
      'failed_precondition',
      `Can't write ${folder} (${(cause as NodeJS.ErrnoException).code}).`,
      {
        hint: 'Name a directory that can be made and written to.',
        cause,
      },
    );
  }
}

/** Undefined: it is none. */
function readManifest(place: string): BackupManifest | undefined {
  try {
    return manifestFile.parse(JSON.parse(readFileSync(place, 'utf8')));
  } catch {
    return undefined;
  }
}
