import {
  Bool,
  type Data,
  type DataType,
  DateDay,
  Dictionary,
  Field,
  Float64,
  Int32,
  Int64,
  List,
  Map_,
  makeData,
  Struct,
  TimestampMillisecond,
  Utf8,
  Vector,
} from 'apache-arrow';
import { DAY_MS } from '../core/clock.js';
import { Growing, GrowingText, Validity } from './growing.js';
import { sortedKeys } from './sorted-keys.js';

/**
 * Builds Arrow columns value by value, straight into the buffers that go to the store. apache-arrow's own builders do the
 * same through several calls a value, which costs more than the insert itself.
 */
export interface ColumnBuilder<T> {
  push(value: T): void;
  finish(): Data;
}

/** Labels that the rows of one or several batches name by their numbers. */
export class Labels {
  readonly #type = new Dictionary(new Utf8(), new Int32());
  readonly #numbers = new Map<string, number>();
  #dictionary: Vector<Utf8> | undefined;

  constructor(labels: Iterable<string> = []) {
    for (const label of labels) this.numberOf(label);
  }

  /** Not any more once a column has been finished. */
  numberOf(label: string): number {
    const number = this.#numbers.get(label) ?? this.#numbers.size;
    this.#numbers.set(label, number);
    return number;
  }

  column(codes: Int32Array): ColumnBuilder<never> {
    return { push: () => {}, finish: () => this.#finish(codes) };
  }

  #finish(data: Int32Array): Data {
    this.#dictionary ??= this.#texts();
    const dictionary = this.#dictionary;
    return makeData({ type: this.#type, length: data.length, nullCount: 0, data, dictionary });
  }

  #texts(): Vector<Utf8> {
    const texts = new TextBuilder();
    for (const label of this.#numbers.keys()) texts.push(label);
    return new Vector([texts.finish()]);
  }
}

/** UTF-8 text, never null. */
export class TextBuilder implements ColumnBuilder<string> {
  readonly #text = new GrowingText();
  readonly #offsets = new Growing(Int32Array);

  constructor() {
    this.#offsets.push(0);
  }

  push(value: string): void {
    this.#text.push(value);
    this.#offsets.push(this.#text.length);
  }

  /** Takes bytes that are UTF-8 as they are. */
  pushBytes(from: Uint8Array, start: number, end: number): void {
    this.#text.pushBytes(from, start, end);
    this.#offsets.push(this.#text.length);
  }

  finish(): Data<Utf8> {
    const valueOffsets = this.#offsets.finish();
    return makeData({
      type: new Utf8(),
      length: valueOffsets.length - 1,
      nullCount: 0,
      valueOffsets,
      data: this.#text.bytes(),
    });
  }
}

/** Texts of which few are different, such as a type: each is written once, and a row names it by its number. */
export class LabelBuilder implements ColumnBuilder<string> {
  readonly #numbers = new Map<string, number>();
  readonly #labels = new TextBuilder();
  readonly #rows = new Growing(Int32Array);
  #count = 0;
  #last: string | undefined;
  #number = 0;

  push(value: string): void {
    if (value !== this.#last) this.#look(value);
    this.#rows.push(this.#number);
  }

  finish(): Data<Dictionary<Utf8, Int32>> {
    const data = this.#rows.finish();
    const dictionary = new Vector([this.#labels.finish()]);
    const type = new Dictionary(new Utf8(), new Int32());
    return makeData({ type, length: data.length, nullCount: 0, data, dictionary });
  }

  #look(value: string): void {
    this.#number = this.#numbers.get(value) ?? this.#add(value);
    this.#last = value;
  }

  #add(value: string): number {
    // The engine takes each label once, and two texts with lone surrogates may become one.
    const label = Buffer.from(value).toString();
    let number = this.#numbers.get(label);
    if (number === undefined) {
      number = this.#count++;
      this.#numbers.set(label, number);
      this.#labels.push(label);
    }
    this.#numbers.set(value, number);
    return number;
  }
}

/** Bytes that need not be text, as they came. */
export class BytesBuilder implements ColumnBuilder<Uint8Array> {
  readonly #parts: Uint8Array[] = [];
  readonly #offsets = new Growing(Int32Array);
  #used = 0;

  constructor() {
    this.#offsets.push(0);
  }

  push(value: Uint8Array): void {
    this.#parts.push(value);
    this.#used += value.length;
    this.#offsets.push(this.#used);
  }

  finish(): Data<Utf8> {
    const valueOffsets = this.#offsets.finish();
    const data = new Uint8Array(Buffer.concat(this.#parts));
    return makeData({ type: new Utf8(), length: valueOffsets.length - 1, nullCount: 0, valueOffsets, data });
  }
}

/** Numbers, null where not known; what Arrow makes of them is the subclass's. */
abstract class NullableNumberBuilder implements ColumnBuilder<number | null> {
  readonly #values = new Growing(Float64Array);
  readonly #nulls = new Validity();

  push(value: number | null): void {
    this.#values.push(value ?? 0);
    this.#nulls.push(value !== null);
  }

  finish(): Data {
    const values = this.#values.finish();
    return this.encode(values, { length: values.length, ...this.#nulls.finish() });
  }

  protected abstract readonly encode: Encode;
}

type Encode = (values: Float64Array, shape: Shape) => Data;
type Shape = { readonly length: number; readonly nullCount: number; readonly nullBitmap?: Uint8Array };

/** 64-bit floats; null where not known. */
export class FloatBuilder extends NullableNumberBuilder {
  protected readonly encode: Encode = (data, shape) => makeData({ type: new Float64(), data, ...shape });
}

/** Whole numbers within +-2^53, as 64-bit integers; null where not known. */
export class IntegerBuilder extends NullableNumberBuilder {
  protected readonly encode: Encode = (values, shape) =>
    makeData({ type: new Int64(), data: toInt64(values), ...shape });
}

/** Milliseconds since 1970 as timestamps; null where not known. */
export class TimeBuilder extends NullableNumberBuilder {
  protected readonly encode: Encode = (values, shape) =>
    makeData({ type: new TimestampMillisecond('UTC'), data: toInt64(values), ...shape });
}

/** Calendar dates, given as their midnight in UTC, in milliseconds; null where not known. */
export class DateBuilder extends NullableNumberBuilder {
  protected readonly encode: Encode = (values, shape) =>
    makeData({
      type: new DateDay(),
      data: Int32Array.from(values, (time) => Math.floor(time / DAY_MS)),
      ...shape,
    });
}

/** 32-bit integers, never null. */
export class Int32Builder implements ColumnBuilder<number> {
  readonly #values = new Growing(Int32Array);

  push(value: number): void {
    this.#values.push(value);
  }

  finish(): Data<Int32> {
    const data = this.#values.finish();
    return makeData({ type: new Int32(), length: data.length, nullCount: 0, data });
  }
}

/** Booleans; null where not known. */
export class BooleanBuilder implements ColumnBuilder<boolean | null> {
  readonly #values = new Validity();
  readonly #nulls = new Validity();

  push(value: boolean | null): void {
    this.#values.push(value === true);
    this.#nulls.push(value !== null);
  }

  finish(): Data<Bool> {
    return makeData({
      type: new Bool(),
      length: this.#values.length,
      data: this.#values.bits(),
      ...this.#nulls.finish(),
    });
  }
}

/** Lists of texts, never null. */
export class TextListBuilder implements ColumnBuilder<readonly string[]> {
  readonly #items = new TextBuilder();
  readonly #offsets = new Growing(Int32Array);
  #count = 0;

  constructor() {
    this.#offsets.push(0);
  }

  push(values: readonly string[]): void {
    for (const value of values) this.#items.push(value);
    this.#count += values.length;
    this.#offsets.push(this.#count);
  }

  finish(): Data<List<Utf8>> {
    return listOf(this.#items.finish(), this.#offsets.finish());
  }
}

/** Maps of text to text, never null. Entries go in the order of their keys, so that equal maps have equal bytes. */
export class TextMapBuilder implements ColumnBuilder<Readonly<Record<string, string>>> {
  readonly #keys = new TextBuilder();
  readonly #values = new TextBuilder();
  readonly #offsets = new Growing(Int32Array);
  #count = 0;

  constructor() {
    this.#offsets.push(0);
  }

  push(map: Readonly<Record<string, string>>): void {
    const keys = sortedKeys(map);
    for (const key of keys) {
      this.#keys.push(key);
      this.#values.push(map[key]!);
    }
    this.#end(keys.length);
  }

  /** Takes a map of so many entries. `write` is called for each, in the order of the keys, and puts one text into each sink. */
  pushEntries(size: number, write: (i: number, key: TextBuilder, value: TextBuilder) => void): void {
    for (let i = 0; i < size; i++) write(i, this.#keys, this.#values);
    this.#end(size);
  }

  #end(size: number): void {
    this.#count += size;
    this.#offsets.push(this.#count);
  }

  finish(): Data<Map_<Utf8, Utf8>> {
    const children = [this.#keys.finish(), this.#values.finish()];
    const entries = new Struct<{ key: Utf8; value: Utf8 }>([
      new Field('key', new Utf8(), false),
      new Field('value', new Utf8(), false),
    ]);
    const child = makeData({ type: entries, length: this.#count, nullCount: 0, children });
    const valueOffsets = this.#offsets.finish();
    return makeData({
      type: new Map_<Utf8, Utf8>(new Field('entries', entries, false)),
      length: valueOffsets.length - 1,
      nullCount: 0,
      valueOffsets,
      child,
    });
  }
}

/** Lists of items that stand in one column. */
export function listOf<T extends DataType>(child: Data<T>, valueOffsets: Int32Array): Data<List<T>> {
  return makeData({
    type: new List(new Field('item', child.type, false)),
    length: valueOffsets.length - 1,
    nullCount: 0,
    valueOffsets,
    child,
  });
}

/** Doubles that hold whole numbers, as little-endian 64-bit integers; through two halves, since BigInt is slow. */
function toInt64(values: Float64Array): BigInt64Array {
  const halves = new Int32Array(values.length * 2);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    const high = Math.floor(value / 4_294_967_296);
    halves[2 * i] = (value - high * 4_294_967_296) | 0;
    halves[2 * i + 1] = high;
  }
  return new BigInt64Array(halves.buffer);
}
