import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  ArrowStream,
  type ColumnBuilder,
  Int32Builder,
  IntegerBuilder,
  TextBuilder,
  TimeBuilder,
  toArrowStream,
} from '../columns/arrow-builder.js';
import type { Millis } from '../core/clock.js';
import { LIMITS } from '../core/limits.js';
import type { Origin } from '../signals/signal.js';
import type { Store } from './store.js';

/** Rows of one table on their way into the store. */
export interface EncodedRows {
  readonly table: string;
  readonly columns: readonly string[];
  readonly rows: number;
  /** An Arrow stream. */
  readonly bytes: Uint8Array;
}

/** One column of a table: its name, its builder, and what of a record goes into it. */
export type ColumnOf<R> = readonly [name: string, push: (record: R) => void, builder: ColumnBuilder<never>];

/** Ties a builder to the part of a record that it takes. */
export function column<R, T>(name: string, builder: ColumnBuilder<T>, take: (record: R) => T): ColumnOf<R> {
  return [name, (record) => builder.push(take(record)), builder as ColumnBuilder<never>];
}

export function encodeRows<R>(
  table: string,
  columns: readonly ColumnOf<R>[],
  records: Iterable<R>,
): EncodedRows {
  let rows = 0;
  for (const record of records) {
    for (const [, push] of columns) push(record);
    rows++;
  }
  const bytes = toArrowStream(new Map(columns.map(([name, , builder]) => [name, builder])));
  return { table, columns: columns.map(([name]) => name), rows, bytes };
}

/**
 * As `encodeRows`, for more rows than the event loop should be held for: so many at a time, and others have their turn in
 * between. One insert for them all, since the engine wants few large ones. `columns` makes new builders at each call.
 */
export async function encodeInTurns<R>(
  table: string,
  columns: () => readonly ColumnOf<R>[],
  records: readonly R[],
): Promise<EncodedRows> {
  const stream = new ArrowStream();
  let names: readonly string[] = [];
  for (let from = 0; from < records.length; from += LIMITS.batchRows) {
    if (from > 0) await nextTurn();
    const of = columns();
    names = of.map(([name]) => name);
    const end = Math.min(records.length, from + LIMITS.batchRows);
    for (let i = from; i < end; i++) for (const [, push] of of) push(records[i]!);
    stream.add(new Map(of.map(([name, , builder]) => [name, builder])));
  }
  return { table, columns: names, rows: records.length, bytes: stream.finish() };
}

/** A record with where it came from and when: what the log tables of incoming messages hold. */
export interface Arrived<T> {
  readonly value: T;
  readonly origin: Origin;
  readonly receivedAt: Millis;
  /** @default receivedAt */
  readonly arrivedAt?: Millis | undefined;
  /** The load that brought it. @default none */
  readonly load?: string | undefined;
  /** Hash of its contents, where they depend on what was stored before. @default that of the value */
  readonly content?: number | undefined;
}

/** The columns of where a row came from. */
export function arrivalColumns<R extends Arrived<unknown>>(): ColumnOf<R>[] {
  return [
    column('received_at', new TimeBuilder(), (r: R) => r.receivedAt),
    column('_load', new TextBuilder(), (r: R) => r.load ?? ''),
    column('_topic', new TextBuilder(), (r: R) => r.origin.topic),
    column('_partition', new Int32Builder(), (r: R) => r.origin.partition),
    column('_offset', new IntegerBuilder(), (r: R) => r.origin.offset),
  ];
}

/** Writes encoded rows; nothing when there are none. */
export async function insertRows(store: Store, encoded: EncodedRows): Promise<void> {
  if (encoded.rows > 0) await store.insertArrow(encoded.table, encoded.columns, encoded.bytes);
}
