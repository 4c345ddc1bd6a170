import { Fault } from '../../signals/fault.js';
import type { FileMapping, MappingData } from './mapping-schema.js';
import { canonicalJson, JsonRow, memberOf, type ReadRow, type Row, textOf } from './row.js';

type Shape = Pick<FileMapping, 'each' | 'json' | 'nulls'>;

/** The rows as a mapping wants to see them: texts that mean nothing are empty, JSON in cells is read, lists become rows. */
export function shapedRows(
  rows: readonly ReadRow[],
  file: Shape,
  data: Pick<MappingData, 'nulls'>,
): readonly ReadRow[] {
  const given = file.nulls ?? data.nulls;
  if (given === undefined && file.json === undefined && file.each === undefined) return rows;
  const nulls: ReadonlySet<string> = new Set(given ?? []);
  return rows.flatMap((read) => {
    if (read.row instanceof Fault) return [read];
    const row = file.json === undefined ? read.row : new RowWithJson(read.row, file.json, nulls);
    const all =
      file.each === undefined ? [{ ...read, row }] : elementsOf({ ...read, row }, read.row, file.each, nulls);
    if (nulls.size === 0) return all;
    return all.map((one) =>
      one.row instanceof Fault ? one : { ...one, row: new RowWithNulls(one.row, nulls) },
    );
  });
}

class RowWithNulls implements Row {
  readonly #row: Row;
  readonly #nulls: ReadonlySet<string>;

  constructor(row: Row, nulls: ReadonlySet<string>) {
    this.#row = row;
    this.#nulls = nulls;
  }

  get(column: string): string {
    const text = this.#row.get(column);
    return this.#nulls.has(text) ? '' : text;
  }
}

/** A row of which some columns hold JSON as text: `{metadata.plan}` goes into the column `metadata`. */
class RowWithJson implements Row {
  readonly #row: Row;
  readonly #columns: readonly string[];
  readonly #nulls: ReadonlySet<string>;
  readonly #read = new Map<string, unknown>();

  constructor(row: Row, columns: readonly string[], nulls: ReadonlySet<string>) {
    this.#row = row;
    this.#columns = columns;
    this.#nulls = nulls;
  }

  get(column: string): string {
    const name = this.#columns.find((one) => column.startsWith(`${one}.`));
    if (name === undefined) return this.#row.get(column);
    return textOf(memberOf(this.#valueOf(name), column.slice(name.length + 1)), column);
  }

  #valueOf(column: string): unknown {
    if (this.#read.has(column)) return this.#read.get(column);
    const text = this.#row.get(column);
    const value = this.#nulls.has(text) ? undefined : parsed(text, column);
    this.#read.set(column, value);
    return value;
  }
}

/** A row for each element of the list that `each` names. */
function elementsOf(
  read: ReadRow & { readonly row: Row },
  base: Row,
  each: Readonly<Record<string, string>>,
  nulls: ReadonlySet<string>,
): ReadRow[] {
  const [entry] = Object.entries(each);
  const [name, path] = entry!;
  let list: unknown;
  try {
    list = base instanceof JsonRow ? memberOf(base.object, path) : listIn(base.get(path), path, nulls);
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown;
    return [{ ...read, row: thrown }];
  }
  if (list === undefined || list === null) return [{ ...read, isBare: true }];
  if (!Array.isArray(list)) {
    const fault = new Fault('bad_row', path, `\`${path}\` is no list.`);
    return [{ ...read, row: fault }];
  }
  if (list.length === 0) return [{ ...read, isBare: true }];
  const seen = new Map<string, number>();
  return list.map((element: unknown) => {
    const text = canonicalJson(element);
    // Elements that are equal are distinguished by their place among the equal ones.
    const count = seen.get(text) ?? 0;
    seen.set(text, count + 1);
    return {
      ...read,
      row: new ElementRow(read.row, name, element),
      content: [...read.content, text, String(count)],
    };
  });
}

function listIn(text: string, path: string, nulls: ReadonlySet<string>): unknown {
  return nulls.has(text) ? undefined : parsed(text, path);
}

/** What a text holds as JSON; undefined: nothing. Throws a Fault. */
function parsed(text: string, column: string): unknown {
  try {
    return text.trim() === '' ? undefined : JSON.parse(text);
  } catch {
    throw new Fault('not_json', column, `\`${column}\` does not hold JSON.`, text);
  }
}

/** A row with one element of a list in it, whose columns begin with its name. */
class ElementRow implements Row {
  readonly #row: Row;
  readonly #name: string;
  readonly #element: unknown;

  constructor(row: Row, name: string, element: unknown) {
    this.#row = row;
    this.#name = name;
    this.#element = element;
  }

  get(column: string): string {
    if (column === this.#name) return textOf(this.#element, column);
    if (!column.startsWith(`${this.#name}.`)) return this.#row.get(column);
    return textOf(memberOf(this.#element, column.slice(this.#name.length + 1)), column);
  }
}
