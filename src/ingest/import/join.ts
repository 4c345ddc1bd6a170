import { PerennialError } from '../../core/errors.js';
import { LIMITS } from '../../core/limits.js';
import { Fault } from '../../signals/fault.js';
import { columnUses, type Mapping } from './mapping.js';
import type { FileMapping } from './mapping-schema.js';
import { openRows } from './open-rows.js';
import type { Row } from './row.js';
import { renderTemplate } from './template.js';

/** The rows of a file by its key: only the columns that others name. `null`: rows of that key contradict each other. */
type JoinTable = ReadonlyMap<string, Readonly<Record<string, string>> | null>;

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
    const joined = this.#joins.get(name)?.get(renderTemplate(join.on, this.#row));
    if (joined === undefined)
      throw new Fault('bad_value', column, `There is no row in \`${name}\` with this key.`);
    if (joined === null) {
      throw new Fault('bad_value', column, `Several rows in \`${name}\` have this key, and differ.`);
    }
    return joined[column.slice(dot + 1)] ?? '';
  }
}

/**
 * Reads the files that others join into memory. Throws a PerennialError when one of them is not given, has not the key or
 * a column that is asked for, or when there are more rows than fit.
 */
export async function loadJoins(
  mapping: Mapping,
  pathsOf: (file: FileMapping) => readonly string[],
  signal: AbortSignal,
): Promise<Joins> {
  const wanted = wantedColumns(mapping);
  const joins = new Map<string, Map<string, Readonly<Record<string, string>> | null>>();
  let rows = 0;
  for (const file of mapping.data.files) {
    const columns = file.name === undefined ? undefined : wanted.get(file.name);
    if (columns === undefined) continue;
    const table = new Map<string, Readonly<Record<string, string>> | null>();
    joins.set(file.name!, table);
    const paths = pathsOf(file);
    if (paths.length === 0) {
      throw new PerennialError(
        'invalid_argument',
        `Other files join \`${file.name}\`, and no file matches ${file.match}.`,
        {
          hint: 'Give that file too.',
        },
      );
    }
    for (const path of paths) {
      const reader = await openRows(path, file, signal);
      for (const column of [file.key!, ...columns]) {
        if (reader.columns === null || reader.columns.includes(column)) continue;
        throw new PerennialError(
          'invalid_file',
          `${path} has no column ${column}, which other files join it for.`,
        );
      }
      for await (const group of reader.rows) {
        rows += group.length;
        if (rows > LIMITS.joinRows) {
          throw new PerennialError(
            'limit_exceeded',
            `The files that others join have over ${LIMITS.joinRows} rows.`,
            {
              hint: 'Join them before the import, in the database they come from.',
            },
          );
        }
        for (const { row } of group) if (!(row instanceof Fault)) addRow(table, row, file.key!, columns);
      }
    }
  }
  return joins;
}

function addRow(
  table: Map<string, Readonly<Record<string, string>> | null>,
  row: Row,
  keyColumn: string,
  columns: ReadonlySet<string>,
): void {
  const key = row.get(keyColumn);
  if (key === '') return;
  const joined = Object.fromEntries([...columns].map((column) => [column, row.get(column)]));
  const known = table.get(key);
  const differs = known != null && [...columns].some((column) => known[column] !== joined[column]);
  if (known === undefined) table.set(key, joined);
  else if (differs) table.set(key, null);
}

/** The columns that are asked for, by the name of the file they come from. */
function wantedColumns(mapping: Mapping): ReadonlyMap<string, ReadonlySet<string>> {
  const wanted = new Map<string, Set<string>>();
  for (const [index, { join }] of mapping.data.files.entries()) {
    for (const name of Object.keys(join ?? {})) {
      const columns = wanted.get(name) ?? new Set();
      wanted.set(name, columns);
      for (const { column } of columnUses(mapping, index)) {
        if (column.startsWith(`${name}.`)) columns.add(column.slice(name.length + 1));
      }
    }
  }
  return wanted;
}
