import { createWriteStream, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { PerennialError } from '../core/errors.js';
import { makeFolder } from '../core/make-folder.js';
import { quoteName, quoteText } from './sql-quote.js';
import type { Store } from './store.js';

/** The column that says when a row was stored: views that have it are exported piece by piece. */
const CURSOR_COLUMN = 'stored_at';
/** Rows of it change and go as time passes and contracts move, without being stored again: only the whole is right. */
const PRESENT_STATE: ReadonlySet<string> = new Set(['subscriptions']);
const BEGINNING = '1970-01-01 00:00:00.000';

export interface ExportOptions {
  readonly view: string;
  /** Everything of a view goes into a folder of its name in here. */
  readonly directory: string;
  /** Any format of ClickHouse that can be written. */
  readonly format: string;
  /** A file holds the rows that were stored in one of these. */
  readonly by: 'day' | 'month';
  /** Rows are left for the next export until they are this old: an insert that began before may end after others. */
  readonly settleSeconds: number;
  readonly signal?: AbortSignal;
}

export interface ExportedFile {
  readonly file: string;
  readonly rows: number;
}

const cursorFile = z.strictObject({
  view: z.string(),
  by: z.enum(['day', 'month']),
  /** Rows stored up to here are in files, in UTC. */
  exported_until: z.string(),
  /** Where the export that is running, or died, ends: the next one writes the same files again. */
  exporting_until: z.string().nullable(),
});
type Cursor = z.infer<typeof cursorFile>;

/**
 * Writes a view into files, for a warehouse. With `stored_at` in the view each call writes the rows stored since the call before,
 * a file for each day or month of it, and never changes one that is complete; without, and of `subscriptions`, one file that is replaced.
 * A file is there whole or not at all. Throws `not_found` for what is no view, `failed_precondition` for a cursor of another kind.
 */
export async function* exportView(store: Store, options: ExportOptions): AsyncGenerator<ExportedFile> {
  const columns = await columnsOf(store, options.view);
  const folder = join(options.directory, options.view);
  makeWritable(folder);
  if (!columns.includes(CURSOR_COLUMN) || PRESENT_STATE.has(options.view)) {
    const [row] = await store.rows<{ n: number }>(`SELECT count() AS n FROM ${quoteName(options.view)}`);
    const file = join(folder, `${options.view}${extensionOf(options.format)}`);
    await writeWhole(store, `SELECT * FROM ${quoteName(options.view)}`, file, options);
    yield { file, rows: row!.n };
    return;
  }
  const place = join(folder, 'cursor.json');
  const cursor = readCursor(place, options);
  const until = cursor.exporting_until ?? (await settledTime(store, options.settleSeconds));
  saveCursor(place, { ...cursor, exporting_until: until });
  for (const { part, label, rows } of await partsOf(store, options, cursor.exported_until, until)) {
    const range = `${compact(cursor.exported_until)}-${compact(until)}`;
    const file = join(folder, label, `${options.view}-${range}${extensionOf(options.format)}`);
    makeWritable(join(folder, label));
    const sql = `SELECT * FROM ${quoteName(options.view)}
      WHERE ${within(cursor.exported_until, until)} AND ${partOf(options.by)} = ${quoteText(part)}`;
    await writeWhole(store, sql, file, options);
    yield { file, rows };
  }
  saveCursor(place, { ...cursor, exported_until: until, exporting_until: null });
}

async function columnsOf(store: Store, view: string): Promise<string[]> {
  const rows = await store.rows<{ name: string }>(
    'SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {view:String}',
    { view },
  );
  if (rows.length > 0) return rows.map(({ name }) => name);
  const views = await store.rows<{ name: string }>(
    "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'View' ORDER BY name",
  );
  throw new PerennialError('not_found', `There is no view ${view}.`, {
    hint: `These are there: ${views.map(({ name }) => name).join(', ')}.`,
  });
}

/** The days or months between the two times that have rows, with how many. */
function partsOf(
  store: Store,
  { view, by }: ExportOptions,
  after: string,
  until: string,
): Promise<{ part: string; label: string; rows: number }[]> {
  const length = by === 'day' ? 10 : 7;
  return store.rows(
    `SELECT toString(${partOf(by)}) AS part, substring(part, 1, ${length}) AS label, count() AS rows
     FROM ${quoteName(view)} WHERE ${within(after, until)} GROUP BY part ORDER BY part`,
    {},
    { lane: 'batch' },
  );
}

function partOf(by: 'day' | 'month'): string {
  return by === 'day' ? `toDate(${CURSOR_COLUMN}, 'UTC')` : `toStartOfMonth(${CURSOR_COLUMN}, 'UTC')`;
}

function within(after: string, until: string): string {
  const time = (text: string) => `toDateTime64(${quoteText(text)}, 3, 'UTC')`;
  return `${CURSOR_COLUMN} > ${time(after)} AND ${CURSOR_COLUMN} <= ${time(until)}`;
}

/** By the store's clock, which `stored_at` is of. */
async function settledTime(store: Store, seconds: number): Promise<string> {
  const [row] = await store.rows<{ time: string }>(
    "SELECT now64(3, 'UTC') - toIntervalSecond({seconds:UInt32}) AS time",
    { seconds },
  );
  return row!.time;
}

async function writeWhole(store: Store, sql: string, file: string, options: ExportOptions): Promise<void> {
  const partial = `${file}.partial`;
  const { format, signal } = options;
  const call = { lane: 'batch', ...(signal === undefined ? {} : { signal }) } as const;
  try {
    await pipeline(store.stream(sql, format, call), createWriteStream(partial, { flush: true }));
    renameSync(partial, file);
  } catch (thrown) {
    rmSync(partial, { force: true });
    throw notWritable(file, thrown);
  }
}

function makeWritable(folder: string): void {
  try {
    makeFolder(folder);
  } catch (thrown) {
    throw notWritable(folder, thrown);
  }
}

function notWritable(path: string, thrown: unknown): unknown {
  const code = (thrown as NodeJS.ErrnoException).code;
  if (thrown instanceof PerennialError || typeof code !== 'string') return thrown;
  return new PerennialError('failed_precondition', `Can't write ${path} (${code}).`, {
    hint: 'Run the export again once it can be written: it goes on where it has stopped.',
    cause: thrown,
  });
}

function readCursor(place: string, { view, by }: ExportOptions): Cursor {
  if (!existsSync(place)) return { view, by, exported_until: BEGINNING, exporting_until: null };
  const hint = 'Choose another directory, or remove this one to export everything anew.';
  let found: Cursor;
  try {
    found = cursorFile.parse(JSON.parse(readFileSync(place, 'utf8')));
  } catch (cause) {
    throw new PerennialError('failed_precondition', `${place} is not a cursor of an export.`, {
      hint,
      cause,
    });
  }
  if (found.view === view && found.by === by) return found;
  throw new PerennialError('failed_precondition', `${place} is of ${found.view} by ${found.by}.`, { hint });
}

function saveCursor(place: string, cursor: Cursor): void {
  writeFileSync(`${place}.partial`, `${JSON.stringify(cursor, null, 2)}\n`, { flush: true });
  renameSync(`${place}.partial`, place);
}

/** 2026-01-02 03:04:05.678 as 20260102T030405678. */
function compact(time: string): string {
  return time.replace(' ', 'T').replace(/[-:.]/g, '');
}

const EXTENSIONS: readonly (readonly [RegExp, string])[] = [
  [/^Parquet/, '.parquet'],
  [/^Arrow/, '.arrow'],
  [/^ORC$/, '.orc'],
  [/^Avro$/, '.avro'],
  [/^Native$/, '.native'],
  [/^CSV/, '.csv'],
  [/^(TabSeparated|TSV)/, '.tsv'],
  [/EachRow/, '.ndjson'],
  [/^JSON/, '.json'],
];

function extensionOf(format: string): string {
  return EXTENSIONS.find(([pattern]) => pattern.test(format))?.[1] ?? `.${format.toLowerCase()}`;
}
