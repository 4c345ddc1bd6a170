import { Fault } from '../../signals/fault.js';
import { isObject, type JsonObject } from '../../signals/json-body.js';

/** One row of a file: its columns by name, as text. Empty means: nothing there. */
export interface Row {
  /** The text of a column; empty when it has none. Throws a Fault when a join finds no row, or a number is not exact. */
  get(column: string): string;
}

/** A row, or why it can't be one, with where it stands. */
export interface ReadRow {
  /** Line at which it starts, from 1; in a JSON document its number. */
  readonly line: number;
  /** Its bytes as they are in the file. */
  readonly raw: Uint8Array;
  readonly row: Row | Fault;
  /** Its list of rows within rows is empty: it is one without anything in it. */
  readonly isBare?: true;
  /** A file of lines ends in it, without a line end: its last cell may be cut off. */
  readonly isLast?: boolean;
  /** What its content is known by: the same for the same columns and cells, in whatever order they stand. */
  readonly content: readonly string[];
}

/** The rows of a file, read from its start. */
export interface RowReader {
  /** Names of the columns; null where rows name their own. */
  readonly columns: readonly string[] | null;
  readonly rows: AsyncIterable<readonly ReadRow[]>;
  /** Lets the file go, for who does not read `rows` to their end. */
  close(): Promise<void>;
}

/** A row of JSON: columns are members, with dots for members of members and numbers for elements of lists. */
export class JsonRow implements Row {
  readonly object: JsonObject;

  constructor(object: JsonObject) {
    this.object = object;
  }

  get(column: string): string {
    return textOf(memberOf(this.object, column), column);
  }
}

/** A member of an object by its name, or by names with dots; in lists elements are numbered from 0. */
export function memberOf(object: unknown, path: string): unknown {
  if (isObject(object) && Object.hasOwn(object, path)) return object[path];
  let value: unknown = object;
  for (const step of path.split('.')) {
    if (Array.isArray(value)) value = /^\d{1,9}$/.test(step) ? value[Number(step)] : undefined;
    else value = isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
  }
  return value;
}

/** A JSON value as the text of a column. Throws a Fault for a number that is not exact. */
export function textOf(value: unknown, column: string): string {
  if (value === undefined || value === null) return '';
  if (
    typeof value === 'number' &&
    (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value)))
  ) {
    throw new Fault(
      'bad_number',
      column,
      `The number in \`${column}\` is too large to be exact: write it as a text.`,
    );
  }
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** JSON with its members in order, and without those that are null: equal for what means the same. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? 'null';
  const members = Object.keys(value)
    .filter((name) => value[name] !== null)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${canonicalJson(value[name])}`);
  return `{${members.join(',')}}`;
}
