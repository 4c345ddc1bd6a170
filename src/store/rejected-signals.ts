import type { Millis } from '../core/clock.js';
import { dateTime64 } from '../core/sql-time.js';
import type { Origin } from '../signals/signal.js';
import type { Store } from './store.js';

/** A stored rejection: why a message was refused, and the message. */
export interface StoredRejection {
  readonly origin: Origin;
  readonly reason: string;
  readonly detail: string;
  readonly field: string;
  readonly id: string;
  readonly raw: Uint8Array;
  /** cityHash64 of `raw`, as text: tells apart messages that have no offset. */
  readonly hash: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly receivedAt: Millis;
  /** The load that brought it; empty: none. */
  readonly load: string;
}

/** Which rejections: all of them where nothing is given. */
export interface RejectionChoice {
  readonly reason?: string;
  readonly topic?: string;
  /** Only what arrived from this time on. */
  readonly since?: Millis;
}

export interface RejectionFilter extends RejectionChoice {
  /** Only what comes after this one in the order of origin. */
  readonly after?: Pick<StoredRejection, 'origin' | 'hash'>;
  readonly limit: number;
}

interface Row {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly reason: string;
  readonly detail: string;
  readonly field: string;
  readonly id: string;
  /** Any bytes: as base64, since an answer is text. */
  readonly raw: string;
  readonly hash: string;
  readonly headers: Record<string, string>;
  readonly receivedAt: Millis;
  readonly load: string;
}

/** Rejections in the order of topic, partition, offset and message. */
export async function listRejections(
  store: Store,
  filter: RejectionFilter,
): Promise<readonly StoredRejection[]> {
  const { where, params } = conditions(filter);
  const { after } = filter;
  params.limit = filter.limit;
  if (after !== undefined)
    where.push(
      '(_topic, _partition, _offset, cityHash64(raw)) > ({after_topic:String}, {after_partition:Int32}, {after_offset:Int64}, {after_hash:UInt64})',
    );
  if (after !== undefined)
    Object.assign(params, {
      after_topic: after.origin.topic,
      after_partition: after.origin.partition,
      after_offset: after.origin.offset,
      after_hash: after.hash,
    });
  const rows = await store.rows<Row>(
    `SELECT _topic AS topic, _partition AS partition, _offset AS offset, reason, detail, field, id, base64Encode(r.raw) AS raw,
       toString(cityHash64(r.raw)) AS hash, headers, _load AS load,
       toUnixTimestamp64Milli(received_at) AS receivedAt
     FROM (SELECT * FROM rejected_signals WHERE ${where.join(' AND ')}
       ORDER BY _topic, _partition, _offset, cityHash64(rejected_signals.raw) LIMIT {limit:UInt32}) AS r
     ORDER BY topic, partition, offset`,
    params,
  );
  return rows.map(({ topic: name, partition, offset, raw, ...rest }) => ({
    ...rest,
    origin: { topic: name, partition, offset },
    raw: Buffer.from(raw, 'base64'),
  }));
}

function conditions({ reason, topic, since }: RejectionChoice): {
  where: string[];
  params: Record<string, unknown>;
} {
  const where = ['1'];
  const params: Record<string, unknown> = {};
  if (reason !== undefined) {
    where.push('reason = {reason:String}');
    params.reason = reason;
  }
  if (topic !== undefined) {
    where.push('_topic = {topic:String}');
    params.topic = topic;
  }
  if (since !== undefined) {
    where.push("received_at >= {since:DateTime64(3, 'UTC')}");
    params.since = dateTime64(since);
  }
  return { where, params };
}

/** How many rejections there are, by reason and topic, the most first. */
export async function countRejections(
  store: Store,
  choice: RejectionChoice = {},
): Promise<readonly { reason: string; topic: string; count: number; last: Millis }[]> {
  const { where, params } = conditions(choice);
  return store.rows(
    `SELECT reason, _topic AS topic, count() AS count, toUnixTimestamp64Milli(max(received_at)) AS last
     FROM (SELECT * FROM rejected_signals WHERE ${where.join(' AND ')})
     GROUP BY reason, topic ORDER BY count DESC, reason, topic`,
    params,
  );
}

/** Takes rejections out again, once what they hold is stored. */
export async function deleteRejections(store: Store, rejections: readonly StoredRejection[]): Promise<void> {
  if (rejections.length === 0) return;
  await store.command(
    `DELETE FROM rejection_log WHERE (_topic, _partition, _offset, raw_hash) IN (
       SELECT t.1, t.2, t.3, t.4 FROM (
         SELECT arrayJoin(arrayZip({topics:Array(String)}, {partitions:Array(Int32)}, {offsets:Array(Int64)}, arrayMap(h -> toUInt64(h), {hashes:Array(String)}))) AS t))`,
    {
      topics: rejections.map(({ origin }) => origin.topic),
      partitions: rejections.map(({ origin }) => origin.partition),
      offsets: rejections.map(({ origin }) => origin.offset),
      hashes: rejections.map(({ hash }) => hash),
    },
  );
}
