import {
  FloatBuilder,
  LabelBuilder,
  TextBuilder,
  TextMapBuilder,
  TimeBuilder,
} from '../columns/arrow-builder.js';
import { sortedKeys } from '../columns/sorted-keys.js';
import type { Millis } from '../core/clock.js';
import { ScannedSignal } from '../signals/scan/scanned-signal.js';
import type { Signal } from '../signals/signal.js';
import type { Version } from '../signals/versions.js';
import { column, columnOf } from './encoded-rows.js';
import { ContentHasher, withLength } from './record-hash.js';
import type { RecordTable } from './record-table.js';

type Row = Version<Signal>;

const THREE_DIGITS: readonly string[] = Array.from({ length: 1_000 }, (_, i) => String(i).padStart(3, '0'));

/** Adds a time of after 2000 as `String` writes it. Its first digits are mostly those of the time before, whose text is kept by the runtime. */
function addTime(contents: ContentHasher, time: Millis): void {
  const seconds = Math.floor(time / 1_000);
  contents.add(String(Math.floor(seconds / 1_000)));
  contents.append(THREE_DIGITS[seconds % 1_000]!);
  contents.append(THREE_DIGITS[time % 1_000]!);
}

function addAttributes(to: ContentHasher, signal: Signal): void {
  if (signal instanceof ScannedSignal) {
    for (let i = 0; i < signal.size; i++) signal.writeAttribute(i, to, to);
    return;
  }
  const { attributes } = signal;
  for (const key of sortedKeys(attributes)) {
    to.add(key);
    to.add(attributes[key]!);
  }
}

const contents = new ContentHasher();

function pushId({ value }: Row, into: TextBuilder): void {
  if (value instanceof ScannedSignal) value.writeId(into);
  else into.push(value.id);
}

function pushAttributes({ value }: Row, into: TextMapBuilder): void {
  if (value instanceof ScannedSignal)
    into.pushEntries(value.size, (i, key, text) => value.writeAttribute(i, key, text));
  else into.push(value.attributes);
}

/** `signal_log`. A signal is known by its source and id. */
export const SIGNALS: RecordTable<Signal> = {
  kind: 'signal',
  table: 'signal_log',
  identityOf: ({ source, id }) => `signal:${withLength(source)}${id}`,
  contentOf(signal) {
    const { accountId, category, type, occurredAt, value } = signal;
    contents.add(accountId);
    contents.add(category);
    contents.add(type);
    addTime(contents, occurredAt);
    if (signal instanceof ScannedSignal) signal.writeSubscriptionId(contents);
    else contents.add(signal.subscriptionId);
    contents.add(value === null ? '' : String(value));
    addAttributes(contents, signal);
    return contents.finish();
  },
  accountOf: ({ accountId }) => accountId,
  sourceOf: ({ source }) => source,
  occurredAtOf: ({ occurredAt }) => occurredAt,
  columns: () => [
    column('account_id', new TextBuilder(), (r: Row) => r.value.accountId),
    column('category', new LabelBuilder(), (r: Row) => r.value.category),
    column('type', new LabelBuilder(), (r: Row) => r.value.type),
    column('occurred_at', new TimeBuilder(), (r: Row) => r.value.occurredAt),
    column('source', new LabelBuilder(), (r: Row) => r.value.source),
    columnOf('id', new TextBuilder(), pushId),
    column('subscription_id', new TextBuilder(), (r: Row) => r.value.subscriptionId, ''),
    column('value', new FloatBuilder(), (r: Row) => r.value.value),
    columnOf('attributes', new TextMapBuilder(), pushAttributes),
  ],
  keySql: "xxHash64(concat('signal:', toString(length(source)), ':', source, id))",
  select: `account_id AS accountId, category, type, toUnixTimestamp64Milli(occurred_at) AS occurredAt, source, id,
    subscription_id AS subscriptionId, value, attributes`,
  valueOf(row) {
    const { accountId, category, type, occurredAt, source, id, subscriptionId, value, attributes } =
      row as unknown as Signal;
    return { accountId, category, type, occurredAt, source, id, subscriptionId, value, attributes };
  },
};
