import { type RecordBatch, RecordBatchReader } from 'apache-arrow';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  BooleanBuilder,
  BytesBuilder,
  type ColumnBuilder,
  FloatBuilder,
  Int32Builder,
  IntegerBuilder,
  LabelBuilder,
  TextBuilder,
  TextListBuilder,
  TextMapBuilder,
  TimeBuilder,
} from '../../src/columns/arrow-builder.js';
import { toArrowStream } from '../../src/columns/arrow-stream.js';
import { Bitset } from '../../src/columns/bitset.js';
import type { Column, StringColumn } from '../../src/columns/column.js';
import { batchFromArrow } from '../../src/columns/from-arrow.js';
import { floatLists, floats } from '../../src/columns/ready-columns.js';
import type { Store } from '../../src/store/store.js';
import { tempStore } from '../support/temp-store.js';

/** Text as UTF-8 keeps it: a lone surrogate becomes U+FFFD. */
const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.constantFrom('', '\0', 'ß', '漢字', '👩‍👩‍👧', "'\\\n\t"),
);
/** What fits DateTime64(3) and stays whole in a double. */
const time = fc.integer({ min: 0, max: Date.UTC(2200, 0, 1) });
const whole = fc.oneof(
  fc.maxSafeInteger(),
  fc.constantFrom(0, -1, 2 ** 31, -(2 ** 31), 2 ** 32, -(2 ** 32), 2 ** 53 - 1, -(2 ** 53 - 1), 2 ** 53),
);

const row = fc.record({
  text,
  float: fc.option(fc.double({ noNaN: true })),
  whole: fc.option(whole),
  small: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  time: fc.option(time),
  flag: fc.option(fc.boolean()),
  texts: fc.array(text, { maxLength: 4 }),
  floats: fc.array(fc.double({ noNaN: true }), { minLength: 3, maxLength: 3 }),
  map: fc.dictionary(text, text, { maxKeys: 4 }),
});
type Row = typeof row extends fc.Arbitrary<infer R> ? R : never;

function streamOf(rows: readonly Row[]): Uint8Array {
  const filled = <T>(builder: ColumnBuilder<T>, values: readonly T[]) => {
    for (const value of values) builder.push(value);
    return builder as ColumnBuilder<never>;
  };
  return toArrowStream(
    new Map<string, ColumnBuilder<never>>([
      ['no', filled(new Int32Builder(), [...rows.keys()])],
      [
        'text',
        filled(
          new TextBuilder(),
          rows.map((r) => r.text),
        ),
      ],
      [
        'label',
        filled(
          new LabelBuilder(),
          rows.map((r) => r.text),
        ),
      ],
      [
        'bytes',
        filled(
          new BytesBuilder(),
          rows.map((r) => Buffer.from(r.text)),
        ),
      ],
      [
        'float',
        filled(
          new FloatBuilder(),
          rows.map((r) => r.float),
        ),
      ],
      [
        'whole',
        filled(
          new IntegerBuilder(),
          rows.map((r) => r.whole),
        ),
      ],
      [
        'small',
        filled(
          new Int32Builder(),
          rows.map((r) => r.small),
        ),
      ],
      [
        'time',
        filled(
          new TimeBuilder(),
          rows.map((r) => r.time),
        ),
      ],
      [
        'flag',
        filled(
          new BooleanBuilder(),
          rows.map((r) => r.flag),
        ),
      ],
      [
        'texts',
        filled(
          new TextListBuilder(),
          rows.map((r) => r.texts),
        ),
      ],
      ['floats', floatLists(Float64Array.from(rows.flatMap((r) => r.floats)), 3)],
      [
        'map',
        filled(
          new TextMapBuilder(),
          rows.map((r) => r.map),
        ),
      ],
    ]),
  );
}

const NAMES = [
  'no',
  'text',
  'label',
  'bytes',
  'float',
  'whole',
  'small',
  'time',
  'flag',
  'texts',
  'floats',
  'map',
];

function batchesOf(bytes: Uint8Array): RecordBatch[] {
  return [...RecordBatchReader.from(bytes)];
}

const oneBatch = (bytes: Uint8Array) => batchesOf(bytes)[0]!;

describe('columns through the engine', () => {
  let store: Store;
  let close: () => Promise<void>;
  beforeAll(async () => {
    ({ store, close } = await tempStore());
    await store.command(
      `CREATE TABLE trip (no Int32, text String, label LowCardinality(String), bytes String, float Nullable(Float64), whole Nullable(Int64), small Int32,
       time Nullable(DateTime64(3, 'UTC')), flag Nullable(Bool), texts Array(String), floats Array(Float64), map Map(String, String))
       ENGINE = MergeTree ORDER BY no`,
    );
  });
  afterAll(() => close());

  async function roundTrip(rows: readonly Row[]) {
    await store.command('TRUNCATE TABLE trip');
    await store.insertArrow('trip', NAMES, streamOf(rows));
    const back: Record<string, unknown>[] = [];
    const sql = `SELECT text, float, whole, small, time, flag, texts, toLowCardinality(nullIf(text, '')) AS short,
      bytes = text AS same_bytes, toString(label) = text AS same_label, arrayMap(x -> toString(reinterpretAsUInt64(x)), floats) AS float_bits, mapKeys(map) AS keys, mapValues(map) AS entries FROM trip ORDER BY no`;
    for await (const arrow of store.arrow(sql)) {
      const batch = batchFromArrow(arrow);
      for (let i = 0; i < batch.length; i++) back.push(batch.row(i));
    }
    return back;
  }

  const expected = (r: Row) => {
    const keys = Object.keys(r.map).sort();
    return {
      text: r.text,
      float: r.float,
      whole: r.whole,
      small: r.small,
      time: r.time,
      flag: r.flag,
      texts: r.texts,
      float_bits: r.floats.map((x) => String(Buffer.from(Float64Array.of(x).buffer).readBigUInt64LE())),
      short: r.text === '' ? null : r.text,
      keys,
      entries: keys.map((key) => r.map[key]!),
    };
  };
  const told = (r: Record<string, unknown>) => {
    const { same_bytes: same, same_label: sameLabel, ...rest } = r;
    expect([same, sameLabel]).toEqual([1, 1]);
    return rest;
  };

  it('come back as they went in: unicode, nulls, 64-bit bounds, empty lists and maps', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 40 }), async (rows) => {
        expect((await roundTrip(rows)).map(told)).toEqual(rows.map(expected));
      }),
      { numRuns: 15 },
    );
  });

  it('grow past 1024 rows and many kilobytes of text without losing any', async () => {
    const rows = fc
      .sample(row, { numRuns: 1_500, seed: 7 })
      .map((r) => ({ ...r, text: `${r.text}${'é'.repeat(9)}` }));
    expect((await roundTrip(rows)).map(told)).toEqual(rows.map(expected));
  });

  it('may hold no rows at all', async () => {
    expect(await roundTrip([])).toEqual([]);
  });

  it('keep a lone surrogate as U+FFFD, as every encoder does', async () => {
    const [sample] = fc.sample(row, { numRuns: 1, seed: 1 });
    const [back] = await roundTrip([{ ...sample!, text: 'a\ud800b' }]);
    expect(back!.text).toBe('a\ufffdb');
  });

  it('keep labels that become one text on the way as one', async () => {
    const [sample] = fc.sample(row, { numRuns: 1, seed: 1 });
    await roundTrip(['a\ud800', 'a\ufffd', 'b', 'a\udfff'].map((text) => ({ ...sample!, text })));
    const rows = await store.rows('SELECT label, count() AS rows FROM trip GROUP BY label ORDER BY label');
    expect(rows).toEqual([
      { label: 'a\ufffd', rows: 3 },
      { label: 'b', rows: 1 },
    ]);
  });

  it('tell a missing text from an empty one in a dictionary', async () => {
    const sql = `SELECT toLowCardinality(if(number % 3 = 0, NULL, if(number % 3 = 1, '', 'x'))) AS s FROM numbers(9) ORDER BY number`;
    for await (const arrow of store.arrow(sql)) {
      const batch = batchFromArrow(arrow);
      const { dictionary } = batch.column('s') as Extract<Column, { kind: 'string' }>;
      expect(Array.from({ length: 9 }, (_, i) => batch.row(i).s)).toEqual([
        null,
        '',
        'x',
        null,
        '',
        'x',
        null,
        '',
        'x',
      ]);
      expect(new Set(dictionary).size).toBe(dictionary.length);
    }
  });

  it('come back whole when an answer has many blocks', async () => {
    let next = 0;
    for await (const arrow of store.arrow(
      'SELECT number AS n, toString(number) AS s, [s] AS l FROM numbers(200000)',
    )) {
      const batch = batchFromArrow(arrow);
      for (const i of [0, batch.length - 1]) {
        const n = next + i;
        expect(batch.row(i)).toEqual({ n, s: String(n), l: [String(n)] });
      }
      next += batch.length;
    }
    expect(next).toBe(200_000);
  });

  it('refuse a type that no fact has, and name the column', async () => {
    const read = async () => {
      for await (const arrow of store.arrow("SELECT map('a', 1) AS odd")) batchFromArrow(arrow);
    };
    await expect(read()).rejects.toThrow(/column odd: no fact has the type/);
  });
});

describe('an Arrow batch', () => {
  const list = (values: readonly string[][]) => {
    const builder = new TextListBuilder();
    for (const value of values) builder.push(value);
    return toArrowStream(new Map([['l', builder as ColumnBuilder<never>]]));
  };

  it('that is a slice of another one gives its own rows, lists included', () => {
    const whole = oneBatch(list([['a', 'b'], [], ['c'], ['d', 'e', 'f']]));
    const batch = batchFromArrow(whole.slice(2, 4) as RecordBatch);
    expect([batch.row(0), batch.row(1)]).toEqual([{ l: ['c'] }, { l: ['d', 'e', 'f'] }]);
  });

  it('names each text once, whether texts rise or not', () => {
    for (const texts of [
      ['a', 'a', 'b', 'c'],
      ['b', 'b', 'a', 'b', 'c', 'a'],
    ]) {
      const builder = new TextBuilder();
      for (const one of texts) builder.push(one);
      const arrow = oneBatch(toArrowStream(new Map([['t', builder as ColumnBuilder<never>]])));
      const column = batchFromArrow(arrow).column('t') as StringColumn;
      expect([...column.dictionary].sort()).toEqual([...new Set(texts)].sort());
      expect(Array.from(column.codes, (code) => column.dictionary[code])).toEqual(texts);
    }
  });

  it('has null where floats are not valid', () => {
    const valid = Bitset.full(40);
    valid.remove(33);
    const values = Float64Array.from({ length: 40 }, (_, i) => i);
    const batch = batchFromArrow(oneBatch(toArrowStream(new Map([['f', floats(values, valid)]]))));
    expect(batch.row(33)).toEqual({ f: null });
    expect(batch.row(34)).toEqual({ f: 34 });
  });

  it('cuts a row of items into lists of one length', () => {
    const lists = floatLists(Float64Array.from([1, 2, 3, 4, 5, 6]), 3);
    const arrow = oneBatch(toArrowStream(new Map([['l', lists]])));
    expect(arrow.toArray().map((r) => [...(r.l as Iterable<number>)])).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
  });

  it('writes equal maps as equal bytes, whatever the order of their keys', () => {
    const bytes = (map: Record<string, string>) => {
      const builder = new TextMapBuilder();
      builder.push(map);
      return toArrowStream(new Map([['m', builder as ColumnBuilder<never>]]));
    };
    expect(bytes({ b: '2', a: '1' })).toEqual(bytes({ a: '1', b: '2' }));
  });
});
