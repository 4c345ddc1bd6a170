import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type ColumnBuilder,
  Int32Builder,
  IntegerBuilder,
  LabelBuilder,
  TimeBuilder,
} from '../columns/arrow-builder.js';
import { toArrowStream } from '../columns/arrow-stream.js';
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
export interface ColumnOf<R> {
  readonly name: string;
  readonly builder: ColumnBuilder<never>;
  push(records: readonly R[], from: number, to: number): void;
  /** Whether all rows have what the table puts there by itself: then the column need not be sent. */
  isUsual(records: readonly R[]): boolean;
}

/** Ties a builder to the part of a record that it takes. `usual` is the table's own default of the column, where most rows have it. */
export function column<R, T>(
  name: string,
  builder: ColumnBuilder<T>,
  take: (record: R) => T,
  usual?: T,
): ColumnOf<R> {
  return {
    name,
    builder: builder as ColumnBuilder<never>,
    push(records, from, to) {
      for (let i = from; i < to; i++) builder.push(take(records[i]!));
    },
    isUsual: (records) => usual !== undefined && records.every((record) => take(record) === usual),
  };
}

/** The same where what goes in is no value by itself: `put` puts what a record has there into the builder. */
export function columnOf<R, B extends ColumnBuilder<never>>(
  name: string,
  builder: B,
  put: (record: R, into: B) => void,
): ColumnOf<R> {
  return {
    name,
    builder,
    push(records, from, to) {
      for (let i = from; i < to; i++) put(records[i]!, builder);
    },
    isUsual: () => false,
  };
}

export function encodeRows<R>(
  table: string,
  columns: readonly ColumnOf<R>[],
  records: Iterable<R>,
): EncodedRows {
  const rows = [...records];
  for (const one of columns) one.push(rows, 0, rows.length);
  return streamOf(table, columns, rows.length);
}

/**
 * As `encodeRows`, for more rows than the event loop should be held for: so many at a time, and others have their turn in
 * between. One insert for them all, since the engine wants few large ones. Columns of which no row says anything are left out.
 */
export async function encodeInTurns<R>(
  table: string,
  columns: readonly ColumnOf<R>[],
  records: readonly R[],
): Promise<EncodedRows> {
  const sent = columns.filter((one) => !one.isUsual(records));
  for (let from = 0; from < records.length; from += LIMITS.batchRows) {
    if (from > 0) await nextTurn();
    for (const one of sent) one.push(records, from, Math.min(records.length, from + LIMITS.batchRows));
  }
  return streamOf(table, sent, records.length);
}

function streamOf<R>(table: string, columns: readonly ColumnOf<R>[], rows: number): EncodedRows {
  const bytes = toArrowStream(new Map(columns.map(({ name, builder }) => [name, builder])));
  return { table, columns: columns.map(({ name }) => name), rows, bytes };
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
    column('_load', new LabelBuilder(), (r: R) => r.load ?? ''),
    column('_topic', new LabelBuilder(), (r: R) => r.origin.topic),
    column('_partition', new Int32Builder(), (r: R) => r.origin.partition),
    column('_offset', new IntegerBuilder(), (r: R) => r.origin.offset),
  ];
}

/** Writes encoded rows; nothing when there are none. */
export async function insertRows(store: Store, encoded: EncodedRows): Promise<void> {
  if (encoded.rows > 0) await store.insertArrow(encoded.table, encoded.columns, encoded.bytes);
}
