import { PerennialError } from '../../core/errors.js';
import { LIMITS } from '../../core/limits.js';
import { Fault } from '../../signals/fault.js';
import { columnUses, type Mapping } from './mapping.js';
import type { FileMapping } from './mapping-schema.js';
import { openRows } from './open-rows.js';
import type { Row } from './row.js';
import { renderTemplate } from './template.js';

/** The columns of a row that others name, or why one can't be had. */
type JoinedColumns = Readonly<Record<string, string | Fault>>;

/** The rows of a file by its key. `null`: rows of that key contradict each other. */
type JoinTable = ReadonlyMap<string, JoinedColumns | null>;

/** The tables of all files that others join, by name. */
export type Joins = ReadonlyMap<string, JoinTable>;

/** A row whose columns `name.column` come from the rows of other files. */
export class JoinedRow implements Row {
  readonly #row: Row;
  readonly #file: FileMapping;
  readonly #joins: Joins;

  constructor(row: Row, file: FileMapping, joins: Joins) {
    this.#row = row;
    this.#file = file;
    this.#joins = joins;
  }

  get(column: string): string {
    const dot = column.indexOf('.');
    const name = dot < 0 ? '' : column.slice(0, dot);
    const join = dot < 0 ? undefined : this.#file.join?.[name];
    if (join === undefined) return this.#row.get(column);
    const key = renderTemplate(join.on, this.#row);
    const joined = this.#joins.get(name)?.get(key);
    if (joined === undefined) {
      if (join.optional === true) return '';
      throw new Fault('bad_value', column, `There is no row in \`${name}\` with this key.`, key);
    }
    if (joined === null) {
      throw new Fault('bad_value', column, `Several rows in \`${name}\` have this key, and differ.`, key);
    }
    const value = joined[column.slice(dot + 1)] ?? '';
    if (value instanceof Fault) throw value;
    return value;
  }
}

/**
 * Reads the files that others join into memory, those that they join themselves first. Throws a PerennialError when one of them is not
 * given, has not the key or a column that is asked for, or when there are more rows than fit.
 */
export async function loadJoins(
  mapping: Mapping,
  pathsOf: (file: FileMapping) => readonly string[],
  signal: AbortSignal,
): Promise<Joins> {
  const loader = new JoinLoader(mapping, pathsOf, signal);
  for (const file of mapping.data.files) await loader.load(file);
  return loader.joins;
}

class JoinLoader {
  readonly joins = new Map<string, Map<string, JoinedColumns | null>>();
  readonly #mapping: Mapping;
  readonly #pathsOf: (file: FileMapping) => readonly string[];
  readonly #signal: AbortSignal;
  readonly #wanted: ReadonlyMap<string, ReadonlySet<string>>;
  #rows = 0;

  constructor(mapping: Mapping, pathsOf: (file: FileMapping) => readonly string[], signal: AbortSignal) {
    this.#mapping = mapping;
    this.#pathsOf = pathsOf;
    this.#signal = signal;
    this.#wanted = wantedColumns(mapping);
  }

  /** Does nothing where no file joins that one, or it is loaded. The check of a mapping has seen to it that there is no circle. */
  async load(file: FileMapping): Promise<void> {
    const { name } = file;
    const columns = name === undefined ? undefined : this.#wanted.get(name);
    if (name === undefined || columns === undefined || this.joins.has(name)) return;
    for (const other of Object.keys(file.join ?? {})) {
      const joined = this.#mapping.data.files.find((one) => one.name === other);
      if (joined !== undefined) await this.load(joined);
    }
    const table = new Map<string, JoinedColumns | null>();
    this.joins.set(name, table);
    const paths = this.#pathsOf(file);
    if (paths.length === 0) {
      throw new PerennialError(
        'invalid_argument',
        `Other files join \`${name}\`, and no file matches ${file.match}.`,
        { hint: 'Give that file too.' },
      );
    }
    for (const path of paths) await this.#read(path, file, columns, table);
  }

  async #read(
    path: string,
    file: FileMapping,
    columns: ReadonlySet<string>,
    table: Map<string, JoinedColumns | null>,
  ): Promise<void> {
    const reader = await openRows(path, file, this.#mapping.data, this.#signal);
    const inside = [...Object.keys(file.join ?? {}), ...Object.keys(file.each ?? {}), ...(file.json ?? [])];
    for (const column of [file.key!, ...columns]) {
      if (reader.columns === null || reader.columns.includes(column)) continue;
      if (inside.some((name) => column.startsWith(`${name}.`))) continue;
      throw new PerennialError(
        'invalid_file',
        `${path} has no column ${column}, which other files join it for.`,
      );
    }
    for await (const group of reader.rows) {
      this.#rows += group.length;
      if (this.#rows > LIMITS.joinRows) {
        throw new PerennialError(
          'limit_exceeded',
          `The files that others join have over ${LIMITS.joinRows} rows.`,
          { hint: 'Join them before the import, in the database they come from.' },
        );
      }
      for (const { row, isBare } of group) {
        if (row instanceof Fault || isBare === true) continue;
        addRow(
          table,
          file.join === undefined ? row : new JoinedRow(row, file, this.joins),
          file.key!,
          columns,
        );
      }
    }
  }
}

function addRow(
  table: Map<string, JoinedColumns | null>,
  row: Row,
  keyColumn: string,
  columns: ReadonlySet<string>,
): void {
  const key = row.get(keyColumn);
  if (key === '') return;
  const joined = Object.fromEntries([...columns].map((column) => [column, columnOf(row, column)]));
  const known = table.get(key);
  const differs = known != null && [...columns].some((column) => !isSame(known[column], joined[column]));
  if (known === undefined) table.set(key, joined);
  else if (differs) table.set(key, null);
}

function columnOf(row: Row, column: string): string | Fault {
  try {
    return row.get(column);
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown;
    throw thrown;
  }
}

function isSame(one: string | Fault | undefined, other: string | Fault | undefined): boolean {
  return one === other || (one instanceof Fault && other instanceof Fault);
}

/** The columns that are asked for, by the name of the file they come from; also those that are asked for through others. */
function wantedColumns(mapping: Mapping): ReadonlyMap<string, ReadonlySet<string>> {
  const wanted = new Map<string, Set<string>>();
  const want = (file: FileMapping, column: string): void => {
    const name = Object.keys(file.join ?? {}).find((one) => column.startsWith(`${one}.`));
    if (name === undefined) return;
    const rest = column.slice(name.length + 1);
    const columns = wanted.get(name) ?? new Set();
    wanted.set(name, columns);
    if (columns.has(rest)) return;
    columns.add(rest);
    const joined = mapping.data.files.find((one) => one.name === name);
    if (joined !== undefined) want(joined, rest);
  };
  for (const [index, file] of mapping.data.files.entries()) {
    for (const name of Object.keys(file.join ?? {})) if (!wanted.has(name)) wanted.set(name, new Set());
    for (const { column } of columnUses(mapping, index)) want(file, column);
  }
  return wanted;
}
