import { Int32Builder, IntegerBuilder, LabelBuilder, TimeBuilder } from '../columns/arrow-builder.js';
import type { Millis } from '../core/clock.js';
import type { Ending, Version } from '../signals/versions.js';
import { type ColumnOf, column, type EncodedRows, encodeInTurns, encodeRows } from './encoded-rows.js';

/** A log table of records, and how one of its rows is written and read. */
export interface RecordTable<T> {
  readonly kind: 'signal' | 'subscription' | 'outcome';
  readonly table: string;
  /** What the record is known by, as the index has it hashed. */
  identityOf(value: T): string;
  /** Hash of everything but the identity. */
  contentOf(value: T): number;
  accountOf(value: T): string;
  /** Empty: its producer is not named. */
  sourceOf(value: T): string;
  occurredAtOf(value: T): Millis;
  /** The columns of the value itself: new builders at each call. */
  columns(): readonly ColumnOf<Version<T>>[];
  /** SQL expression of the identity's hash. */
  readonly keySql: string;
  /** What of a row `valueOf` reads, as a list of SELECT. */
  readonly select: string;
  valueOf(row: Readonly<Record<string, unknown>>): T;
}

/** `_until` of a version that holds: the tables' default. */
const HOLDS_UNTIL: Millis = Date.UTC(2299, 11, 31);

/** Rows of a log table of records. */
export function encodeVersions<T>(of: RecordTable<T>, versions: readonly Version<T>[]): EncodedRows {
  return encodeRows<Version<T>>(of.table, [...of.columns(), ...versionColumns<T>()], versions);
}

/** As `encodeVersions`, without holding the event loop for long. */
export function encodeVersionsInTurns<T>(
  of: RecordTable<T>,
  versions: readonly Version<T>[],
): Promise<EncodedRows> {
  return encodeInTurns<Version<T>>(of.table, [...of.columns(), ...versionColumns<T>()], versions);
}

/** The columns that are written of a table. */
export function columnNames<T>(of: RecordTable<T>): readonly string[] {
  return [...of.columns(), ...versionColumns<T>()].map(({ name }) => name);
}

function versionColumns<T>(): ColumnOf<Version<T>>[] {
  type Row = Version<T>;
  return [
    column('_content', new Int32Builder(), (r: Row) => r.content),
    column('_again', new TimeBuilder(), (r: Row) => r.again, 0),
    column('received_at', new TimeBuilder(), (r: Row) => r.receivedAt),
    column('_until', new TimeBuilder(), (r: Row) => r.until ?? HOLDS_UNTIL, HOLDS_UNTIL),
    column('_ended', new LabelBuilder(), (r: Row) => r.ended, ''),
    column('_ended_by', new LabelBuilder(), (r: Row) => r.endedBy, ''),
    column('_late', new IntegerBuilder(), (r: Row) => r.arrivedAt - r.receivedAt, 0),
    column('_load', new LabelBuilder(), (r: Row) => r.load, ''),
    column('_topic', new LabelBuilder(), (r: Row) => r.origin.topic),
    column('_partition', new Int32Builder(), (r: Row) => r.origin.partition),
    column('_offset', new IntegerBuilder(), (r: Row) => r.origin.offset),
  ];
}

/** What of a row `versionOf` reads beside the value. */
export const VERSION_SELECT = `_content AS content, toUnixTimestamp64Milli(_again) AS again, toUnixTimestamp64Milli(received_at) AS receivedAt,
  if(_ended = '', NULL, toUnixTimestamp64Milli(_until)) AS until, _ended AS ended, _ended_by AS endedBy, _late AS late, _load AS load,
  _topic AS topic, _partition AS partition, _offset AS offset`;

export interface VersionRow {
  readonly content: number;
  readonly again: Millis;
  readonly receivedAt: Millis;
  readonly until: Millis | null;
  readonly ended: Ending | '';
  readonly endedBy: string;
  readonly late: Millis;
  readonly load: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export function versionOf<T>(of: RecordTable<T>, row: VersionRow): Version<T> {
  const { content, again, receivedAt, until, ended, endedBy, late, load, topic, partition, offset } = row;
  return {
    value: of.valueOf(row as unknown as Record<string, unknown>),
    content,
    again,
    receivedAt,
    arrivedAt: receivedAt + late,
    until,
    ended,
    endedBy,
    load,
    origin: { topic, partition, offset },
  };
}
