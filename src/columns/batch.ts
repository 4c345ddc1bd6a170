import { type Column, columnLength, type Value, valueAt } from './column.js';

/** Subscriptions as columns of equal length. One subscription is a batch of one. */
export class Batch {
  readonly length: number;
  readonly columns: ReadonlyMap<string, Column>;

  constructor(length: number, columns: ReadonlyMap<string, Column>) {
    for (const [name, column] of columns) {
      if (columnLength(column) !== length) {
        throw new RangeError(`column ${name} has ${columnLength(column)} rows in a batch of ${length}`);
      }
    }
    this.length = length;
    this.columns = columns;
  }

  /** The column of that name. Throws a RangeError when there is none: callers name columns from the catalogue. */
  column(name: string): Column {
    const column = this.columns.get(name);
    if (column === undefined) throw new RangeError(`no column ${name}`);
    return column;
  }

  /** A batch with these columns added; a column of the same name is replaced. */
  with(added: Iterable<readonly [string, Column]>): Batch {
    return new Batch(this.length, new Map([...this.columns, ...added]));
  }

  /** One row as an object, for the few rows that need one. */
  row(index: number): Record<string, Value> {
    const row: Record<string, Value> = {};
    for (const [name, column] of this.columns) row[name] = valueAt(column, index);
    return row;
  }
}
