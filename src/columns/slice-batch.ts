import { Batch } from './batch.js';
import { Bitset } from './bitset.js';
import type { Column } from './column.js';

/** Rows `from` up to, not including, `to` of a batch, over the same memory. `from` is a multiple of 32, so that bits need no shift. */
export function sliceBatch(batch: Batch, from: number, to: number): Batch {
  if (from % 32 !== 0) throw new RangeError(`a slice begins at a multiple of 32, not at ${from}`);
  if (from === 0 && to === batch.length) return batch;
  const sliced = [...batch.columns].map(([name, column]): [string, Column] => [
    name,
    sliceColumn(column, from, to),
  ]);
  return new Batch(to - from, new Map(sliced));
}

function sliceColumn(column: Column, from: number, to: number): Column {
  const bits = {
    valid: column.valid === null ? null : sliceBits(column.valid, from, to),
    ...(column.applicable === undefined ? {} : { applicable: sliceBits(column.applicable, from, to) }),
  };
  switch (column.kind) {
    case 'number':
      return { ...column, values: column.values.subarray(from, to), ...bits };
    case 'boolean':
      return { ...column, values: sliceBits(column.values, from, to), ...bits };
    case 'string':
      return { ...column, codes: column.codes.subarray(from, to), ...bits };
    case 'list':
      return { ...column, offsets: column.offsets.subarray(from, to + 1), ...bits };
  }
}

function sliceBits(bits: Bitset, from: number, to: number): Bitset {
  const words = bits.words.slice(from >>> 5, (to + 31) >>> 5);
  const spare = (to - from) & 31;
  if (spare !== 0) words[words.length - 1]! &= (1 << spare) - 1;
  return new Bitset(to - from, words);
}
