import { type Data, Float64, makeData, TimestampMillisecond } from 'apache-arrow';
import type { Millis } from '../core/clock.js';
import { type ColumnBuilder, listOf } from './arrow-builder.js';
import type { Bitset } from './bitset.js';

/** A column that is there already, such as one that was read from the store and goes back as it is. */
export function readyColumn(data: Data): ColumnBuilder<never> {
  return { push: () => {}, finish: () => data };
}

/** Lists of floats, all of one length, from their items in a row. */
export function floatLists(items: Float64Array, length: number): ColumnBuilder<never> {
  const rows = length === 0 ? 0 : items.length / length;
  const child = makeData({ type: new Float64(), length: items.length, nullCount: 0, data: items });
  return readyColumn(
    listOf(
      child,
      Int32Array.from({ length: rows + 1 }, (_, i) => i * length),
    ),
  );
}

/** Floats as they are; not valid ones become null. */
export function floats(data: Float64Array, valid: Bitset | null = null): ColumnBuilder<never> {
  const nulls =
    valid === null
      ? { nullCount: 0 }
      : { nullCount: data.length - valid.count(), nullBitmap: new Uint8Array(valid.words.buffer) };
  return readyColumn(makeData({ type: new Float64(), length: data.length, data, ...nulls }));
}

/** One time for all rows. */
export function oneTime(time: Millis, rows: number): ColumnBuilder<never> {
  const data = new BigInt64Array(rows).fill(BigInt(time));
  return readyColumn(makeData({ type: new TimestampMillisecond('UTC'), length: rows, nullCount: 0, data }));
}
