import type { Batch } from '../../columns/batch.js';
import type { ListColumn } from '../../columns/column.js';
import { textReader } from '../../columns/text-reader.js';
import { numbersOf } from '../feature-values.js';
import { attributesRead, type Measure } from '../measures/measure.js';
import { inKeySql } from '../planner/branch-sql.js';
import { branchOf } from '../planner/branches.js';
import type { Subscriptions } from '../planner/subscriptions.js';
import { conversionsOf } from './conversions.js';

/** Signals as they were read, as columns: NaN and '' where they have none. */
export interface SignalColumns {
  readonly length: number;
  readonly accounts: readonly string[];
  readonly subscriptions: readonly string[];
  /** What types there are, and the place in them of each signal's. */
  readonly kinds: readonly { readonly type: string; readonly category: string }[];
  readonly kindOf: readonly number[];
  readonly at: Float64Array;
  readonly value: Float64Array;
  readonly attributes: ReadonlyMap<string, readonly string[]>;
  /** What was read of texts as numbers and times, by the SQL of it. */
  readonly converted: ReadonlyMap<string, Float64Array>;
}

/**
 * The first `limit` signals that the measures read of these subscriptions: what `signalColumns` takes. With attributes as they lie: to
 * plan a column for each takes longer than to read them.
 */
export function signalsSql(
  measures: readonly Measure[],
  subscriptions: Subscriptions,
  limit: number,
): string {
  const { scope, held } = subscriptions;
  const columns = [
    ...['account_id', 'subscription_id', 'type', 'category'],
    'toUnixTimestamp64Milli(occurred_at) AS at',
    'value',
    ...(attributesOf(measures).size > 0
      ? ['mapKeys(attributes) AS names', 'mapValues(attributes) AS texts']
      : []),
    ...conversionsOf(measures).map((sql, i) => `${sql} AS c${i}`),
  ];
  return `SELECT ${columns.join(', ')}
FROM signal_log FINAL
PREWHERE ${scope} AND ${inKeySql(branchOf(measures), subscriptions)}
WHERE ${held}
LIMIT ${limit}`;
}

function attributesOf(measures: readonly Measure[]): ReadonlySet<string> {
  return new Set(measures.flatMap((measure) => [...attributesRead(measure)]));
}

export function signalColumns(measures: readonly Measure[], batches: readonly Batch[]): SignalColumns {
  const length = batches.reduce((sum, batch) => sum + batch.length, 0);
  const texts = (name: string) => {
    const all: string[] = [];
    for (const batch of batches) {
      const textAt = textReader(batch, name);
      for (let row = 0; row < batch.length; row++) all.push(textAt(row));
    }
    return all;
  };
  const numbers = (name: string) => {
    const all = new Float64Array(length);
    let from = 0;
    for (const batch of batches) {
      all.set(numbersOf(batch.column(name)), from);
      from += batch.length;
    }
    return all;
  };
  return {
    length,
    accounts: texts('account_id'),
    subscriptions: texts('subscription_id'),
    ...kindsOf(texts('type'), texts('category')),
    at: numbers('at'),
    value: numbers('value'),
    attributes: attributeTexts(attributesOf(measures), batches, length),
    converted: new Map(conversionsOf(measures).map((sql, i) => [sql, numbers(`c${i}`)])),
  };
}

function attributeTexts(
  wanted: ReadonlySet<string>,
  batches: readonly Batch[],
  length: number,
): ReadonlyMap<string, readonly string[]> {
  const found = new Map([...wanted].map((name) => [name, new Array<string>(length).fill('')]));
  let first = 0;
  if (wanted.size === 0) return found;
  for (const batch of batches) {
    const { offsets, items: names } = listOf(batch, 'names');
    const { items: texts } = listOf(batch, 'texts');
    // By code: the same few names come with every signal.
    const ofCode = names.dictionary.map((name) => found.get(name));
    for (let row = 0; row < batch.length; row++)
      // Backwards: where a name is there twice, the engine reads the first.
      for (let i = offsets[row + 1]! - 1; i >= offsets[row]!; i--) {
        const column = ofCode[names.codes[i]!];
        if (column !== undefined) column[first + row] = texts.dictionary[texts.codes[i]!]!;
      }
    first += batch.length;
  }
  return found;
}

function listOf(batch: Batch, name: string): ListColumn {
  const column = batch.column(name);
  if (column.kind !== 'list') throw new RangeError(`column ${name} holds no lists`);
  return column;
}

/** Few types, each with its category, stand beside many signals. */
function kindsOf(types: readonly string[], categories: readonly string[]) {
  const kinds: { type: string; category: string }[] = [];
  const places = new Map<string, number>();
  const kindOf = types.map((type, row) => {
    const category = categories[row]!;
    const key = `${type}\0${category}`;
    const place = places.get(key) ?? kinds.length;
    if (place === kinds.length) {
      kinds.push({ type, category });
      places.set(key, place);
    }
    return place;
  });
  return { kinds, kindOf };
}
