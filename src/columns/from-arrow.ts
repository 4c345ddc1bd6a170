import { isAscii } from 'node:buffer';
import { type Data, DataType, type RecordBatch, Type, type Utf8, type Vector } from 'apache-arrow';
import { Batch } from './batch.js';
import { Bitset } from './bitset.js';
import type { Column, StringColumn } from './column.js';

/**
 * Typed columns from an Arrow record batch. Numbers of any width become Float64, timestamps milliseconds, booleans bits,
 * text dictionary-encoded codes. Throws a RangeError for a type that no fact has.
 */
export function batchFromArrow(arrow: RecordBatch): Batch {
  const columns = new Map<string, Column>();
  arrow.schema.fields.forEach((field, i) => {
    columns.set(field.name, columnFromArrow(arrow.getChildAt(i)!, field.name));
  });
  return new Batch(arrow.numRows, columns);
}

function columnFromArrow(vector: Vector, name: string): Column {
  const { type } = vector;
  const valid = validity(vector);
  if (DataType.isNull(type)) {
    return { kind: 'number', values: new Float64Array(vector.length), valid: new Bitset(vector.length) };
  }
  if (DataType.isFloat(type) || DataType.isInt(type))
    return { kind: 'number', values: numbers(vector), valid };
  if (DataType.isTimestamp(type)) return { kind: 'number', values: numbers(vector), valid };
  if (DataType.isBool(type)) return { kind: 'boolean', values: bits(vector), valid };
  if (DataType.isUtf8(type) || DataType.isDictionary(type)) return { ...texts(vector), valid };
  if (DataType.isList(type)) {
    const data = vector.data[0]! as Data<DataType>;
    const empty: StringColumn = { kind: 'string', codes: new Int32Array(0), dictionary: [], valid: null };
    // A batch without rows comes without offsets and items.
    if (vector.length === 0) return { kind: 'list', offsets: Int32Array.of(0), items: empty, valid };
    // In a slice of a batch the offsets are the slice's, and the items still those of the whole.
    const items: StringColumn = { ...texts(vector.getChildAt(0)!), valid: null };
    return { kind: 'list', offsets: data.valueOffsets as Int32Array, items, valid };
  }
  throw new RangeError(`column ${name}: no fact has the type ${type}`);
}

function validity(vector: Vector): Bitset | null {
  if (vector.nullCount === 0) return null;
  const { nullBitmap, offset } = vector.data[0]!;
  const bytes = (vector.length + 7) >>> 3;
  // Arrow's bitmaps are laid out like ours, but for slices that begin within a byte.
  if (offset % 8 === 0 && nullBitmap !== undefined && nullBitmap.length >= offset / 8 + bytes) {
    const words = new Uint32Array((vector.length + 31) >>> 5);
    new Uint8Array(words.buffer).set(nullBitmap.subarray(offset / 8, offset / 8 + bytes));
    return Bitset.full(vector.length).and(new Bitset(vector.length, words));
  }
  const valid = new Bitset(vector.length);
  for (let i = 0; i < vector.length; i++) if (vector.isValid(i)) valid.add(i);
  return valid;
}

function numbers(vector: Vector): Float64Array {
  const data = vector.data[0]!;
  const values = data.values as ArrayLike<number | bigint>;
  if (values instanceof Float64Array && values.length === vector.length) return values;
  if (values instanceof BigInt64Array || values instanceof BigUint64Array) return wholeNumbers(values);
  return Float64Array.from(values as ArrayLike<number>);
}

/**
 * Integers in ClickHouse's answers stay far under 2^53: counts, minor units, milliseconds. Read as two halves, since a BigInt
 * for each would be most of the time it takes to read a batch.
 */
function wholeNumbers(values: BigInt64Array | BigUint64Array): Float64Array {
  const halves = new Int32Array(values.buffer, values.byteOffset, values.length * 2);
  const out = new Float64Array(values.length);
  for (let i = 0; i < out.length; i++) out[i] = halves[2 * i + 1]! * 4_294_967_296 + (halves[2 * i]! >>> 0);
  return out;
}

function bits(vector: Vector): Bitset {
  const set = new Bitset(vector.length);
  for (let i = 0; i < vector.length; i++) if (vector.get(i) === true) set.add(i);
  return set;
}

function texts(vector: Vector): StringColumn {
  const { type } = vector;
  const data = vector.data[0];
  if (data !== undefined && DataType.isDictionary(type) && type.dictionary.typeId === Type.Utf8) {
    return {
      kind: 'string',
      codes: Int32Array.from(data.values as ArrayLike<number>),
      ...distinct(data.dictionary!),
      valid: null,
    };
  }
  const codes = new Int32Array(vector.length);
  const dictionary: string[] = [];
  const textAt = asciiTexts(vector) ?? ((i) => (vector.get(i) as string | null) ?? '');
  /** Not needed while texts rise, as ids do: each is then as the last one or has not been there. */
  let known: Map<string, number> | undefined;
  for (let i = 0; i < codes.length; i++) {
    const value = textAt(i);
    const last = dictionary.length - 1;
    if (last >= 0 && value === dictionary[last]) {
      codes[i] = last;
      continue;
    }
    if (known === undefined && last >= 0 && value < dictionary[last]!)
      known = new Map(dictionary.map((text, code) => [text, code]));
    const code = known?.get(value) ?? dictionary.length;
    if (code === dictionary.length) {
      dictionary.push(value);
      known?.set(value, code);
    }
    codes[i] = code;
  }
  return { kind: 'string', codes, dictionary, valid: null };
}

/** Reads texts of which all are ASCII, as ids are: decoded at once, they are parts of one text. Undefined: not all are. */
function asciiTexts({ data, type, nullCount }: Vector): ((i: number) => string) | undefined {
  const [chunk] = data;
  if (chunk === undefined || data.length > 1 || nullCount > 0 || !DataType.isUtf8(type)) return undefined;
  const { valueOffsets, values, length } = chunk as Data<Utf8>;
  if (length === 0) return undefined;
  const from = valueOffsets[0]!;
  const bytes = Buffer.from(values.buffer, values.byteOffset + from, valueOffsets[length]! - from);
  if (!isAscii(bytes)) return undefined;
  const all = bytes.toString('latin1');
  return (i) => all.slice(valueOffsets[i]! - from, valueOffsets[i + 1]! - from);
}

function distinct(dictionary: Vector): { dictionary: readonly string[] } {
  return { dictionary: Array.from(dictionary as Iterable<string | null>, (value) => value ?? '') };
}
