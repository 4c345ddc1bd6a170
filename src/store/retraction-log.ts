import { Int32Builder, IntegerBuilder, TextBuilder, TimeBuilder } from '../columns/arrow-builder.js';
import type { Millis } from '../core/clock.js';
import { dateTime64 } from '../core/sql-time.js';
import type { Origin } from '../signals/signal.js';
import { column, encodeRows, insertRows } from './encoded-rows.js';
import type { Store } from './store.js';

/** What was retracted, by which person and why. Empty texts: not restricted, or nobody. */
export interface LoggedRetraction {
  readonly id: string;
  readonly kind: 'signal' | 'subscription' | 'outcome' | '';
  /** Hash of the one record's identity, 16 hex digits; empty: all of source and account. */
  readonly key: string;
  readonly source: string;
  readonly recordId: string;
  readonly accountId: string;
  readonly at: Millis;
  readonly reason: string;
  /** Empty: the producer. */
  readonly by: string;
  readonly origin: Origin | undefined;
}

export async function insertRetractions(
  store: Store,
  retractions: readonly LoggedRetraction[],
): Promise<void> {
  type Row = LoggedRetraction;
  await insertRows(
    store,
    encodeRows<Row>(
      'retraction_log',
      [
        column('retraction_id', new TextBuilder(), (r: Row) => r.id),
        column('kind', new TextBuilder(), (r: Row) => r.kind),
        column('key', new TextBuilder(), (r: Row) => (r.key === '' ? '0' : BigInt(`0x${r.key}`).toString())),
        column('source', new TextBuilder(), (r: Row) => r.source),
        column('id', new TextBuilder(), (r: Row) => r.recordId),
        column('account_id', new TextBuilder(), (r: Row) => r.accountId),
        column('retracted_at', new TimeBuilder(), (r: Row) => r.at),
        column('reason', new TextBuilder(), (r: Row) => r.reason),
        column('author', new TextBuilder(), (r: Row) => r.by),
        column('_topic', new TextBuilder(), (r: Row) => r.origin?.topic ?? ''),
        column('_partition', new Int32Builder(), (r: Row) => r.origin?.partition ?? -1),
        column('_offset', new IntegerBuilder(), (r: Row) => r.origin?.offset ?? -1),
      ],
      retractions,
    ),
  );
}

export interface ListedRetraction extends Omit<LoggedRetraction, 'key' | 'origin'> {
  readonly undoneAt: Millis | null;
  readonly undoneBy: string;
}

/** Retractions, the newest first. */
export async function listRetractions(
  store: Store,
  filter: {
    readonly id?: string;
    /** Only what comes after this one in the order of the list. */
    readonly after?: Pick<ListedRetraction, 'at' | 'id'>;
    readonly limit: number;
  },
): Promise<readonly ListedRetraction[]> {
  return store.rows<ListedRetraction>(
    `SELECT retraction_id AS id, kind, source, r.id AS recordId, account_id AS accountId, toUnixTimestamp64Milli(retracted_at) AS at, reason,
       author AS "by", toUnixTimestamp64Milli(undone_at) AS undoneAt, undone_by AS undoneBy
     FROM retractions AS r
     WHERE ({wanted:String} = '' OR retraction_id = {wanted:String}) AND (at, {after_id:String}) < ({after:Int64}, retraction_id)
     ORDER BY at DESC, retraction_id LIMIT {limit:UInt32}`,
    {
      wanted: filter.id ?? '',
      limit: filter.limit,
      after: filter.after?.at ?? Number.MAX_SAFE_INTEGER,
      after_id: filter.after?.id ?? '',
    },
    { lane: 'ask' },
  );
}

/** Marks a retraction as taken back. */
export async function markUndone(store: Store, id: string, at: Millis, by: string): Promise<void> {
  await store.command(
    `INSERT INTO retraction_log (retraction_id, kind, key, source, id, account_id, retracted_at, reason, author, undone_at, undone_by, _topic, _partition,
       _offset)
     SELECT retraction_id, kind, key, source, id, account_id, retracted_at, reason, author, {at:DateTime64(3, 'UTC')}, {by:String}, _topic, _partition,
       _offset
     FROM retraction_log FINAL WHERE retraction_id = {id:String}`,
    { id, at: dateTime64(at), by },
  );
}
