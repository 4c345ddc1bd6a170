import { Fault } from '../../signals/fault.js';
import { isObject, type JsonObject } from '../../signals/json-body.js';

/** One row of a file: its columns by name, as text. Empty means: nothing there. */
export interface Row {
  /** The text of a column; empty when it has none. Throws a Fault when a join finds no row, or a number is not exact. */
  get(column: string): string;
}

/** A row, or why it can't be one, with where it stands. */
export interface ReadRow {
  /** Line at which it starts, from 1. */
  readonly line: number;
  /** Its bytes as they are in the file. */
  readonly raw: Uint8Array;
  readonly row: Row | Fault;
  /** The texts that make up its content, in order. */
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

/** A row of JSON: columns are members, with dots for members of members. */
export class JsonRow implements Row {
  readonly #object: JsonObject;

  constructor(object: JsonObject) {
    this.#object = object;
  }

  get(column: string): string {
    let value: unknown = this.#object;
    if (Object.hasOwn(this.#object, column)) value = this.#object[column];
    else {
      for (const step of column.split('.')) {
        value = isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
      }
    }
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
}
