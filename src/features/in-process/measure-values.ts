import { DAY_MS } from '../../core/clock.js';
import { groupBy } from '../../core/group-by.js';
import type { Numbers } from '../expression/expression-values.js';
import type { Conditions, Measure } from '../measures/measure.js';
import { MILLIONTHS, MOST_OF_STREAK, OF_LOGARITHM, WEIGHTS } from '../measures/measure-sql.js';
import { daysOf } from '../measures/window.js';
import type { TypeSet } from '../signal-types.js';
import type { JoinedSignals } from './joined-signals.js';

/**
 * A measure by subscription, NaN where not known: what `measures/measure-sql.ts` says in SQL, for few signals, where planning
 * that SQL would take many times as long as running it. `test/features/in-process.test.ts` holds them to each other.
 */
export function measureValues(measure: Measure, signals: JoinedSignals): Numbers {
  const { definition, withinDays } = measure;
  const { at, age, asOf } = signals;
  const rows = countingRows(measure, signals, measure.of);
  const values = measure.value === null ? null : signals.valuesOf(measure.value);
  const valueAt = (row: number) => values?.[row] ?? Number.NaN;
  const isKnown = (row: number) => !Number.isNaN(valueAt(row));
  const each = (value: OfSubscription) => bySubscription(signals, rows, value);
  const known = (value: OfSubscription) => bySubscription(signals, (row) => rows(row) && isKnown(row), value);
  switch (definition.op) {
    case 'count':
      return each(({ length }) => length);
    case 'total':
      return each((all) =>
        wholeSum(
          all.map((row) => (isKnown(row) ? valueAt(row) : 1)),
          MILLIONTHS,
        ),
      );
    case 'sum':
      return known((all) => wholeSum(all.map(valueAt), MILLIONTHS));
    case 'mean':
      return known((all) => wholeSum(all.map(valueAt), MILLIONTHS) / all.length);
    case 'min':
      return known((all) => least(all.map(valueAt)));
    case 'max':
      return known((all) => largest(all.map(valueAt)));
    case 'quantile':
      return known((all) => quantile(all.map(valueAt), definition.quantile));
    case 'last':
      return known((all) => valueOfLast(all, valueAt, [at, values!]));
    case 'first': {
      const order = [at.map(negative), values!.map(negative)];
      return known((all) => valueOfLast(all, valueAt, order));
    }
    case 'last_at':
      return (values === null ? each : known)((all) => largest(all.map((row) => at[row]!)));
    case 'first_at':
      return (values === null ? each : known)((all) => least(all.map((row) => at[row]!)));
    case 'at_max': {
      const by = signals.valuesOf(measure.by!);
      return known((all) =>
        valueOfLast(
          all.filter((row) => !Number.isNaN(by[row])),
          valueAt,
          [by, at, values!],
        ),
      );
    }
    case 'ewma': {
      const halfLife = daysOf(definition.half_life) * DAY_MS;
      const weight = (row: number) => 2 ** (-age[row]! / halfLife);
      return known((all) => {
        const weighted = all.map((row) => bounded(valueAt(row)) * weight(row));
        return wholeSum(weighted, WEIGHTS) / wholeSum(all.map(weight), WEIGHTS);
      });
    }
    case 'share': {
      const has = fulfilling(measure.having, signals);
      return each((all) => all.filter(has).length / all.length);
    }
    case 'distinct': {
      const texts = signals.attribute(definition.attribute);
      const stretch =
        definition.per === undefined ? Number.POSITIVE_INFINITY : daysOf(definition.per) * DAY_MS;
      const counts = (row: number) => rows(row) && (definition.with_missing === true || texts[row] !== '');
      const keyOf = (row: number) => `${Math.floor(age[row]! / stretch)} ${texts[row]}`;
      return bySubscription(signals, counts, (all) => new Set(all.map(keyOf)).size);
    }
    case 'distinct_days':
      return each((all) => new Set(all.map((row) => Math.floor(age[row]! / DAY_MS))).size);
    case 'days_since':
      return each((all) => least(all.map((row) => age[row]!)) / DAY_MS);
    case 'trend':
      return each((all) =>
        slope(
          all.map((row) => age[row]!),
          withinDays!,
          daysOf(definition.every),
        ),
      );
    case 'streak': {
      // An end before the window is before all that counts.
      const ends = countingRows(measure, signals, measure.ends!);
      const end = bySubscription(signals, ends, (all) => largest(all.map((row) => at[row]!)));
      return each((all, subscription) => {
        const latest = all.map((row) => at[row]!).sort((a, b) => b - a);
        return latest.slice(0, MOST_OF_STREAK).filter((time) => !(time <= end[subscription]!)).length;
      });
    }
    case 'covered_days': {
      const begin = asOf - (withinDays ?? 0) * DAY_MS;
      const from = at.map((time) => Math.max(time, begin));
      const to = from.map((time, row) => {
        const until = isKnown(row) ? valueAt(row) : at[row]! + daysOf(definition.otherwise) * DAY_MS;
        return Math.trunc(Math.max(time, Math.min(asOf, until)));
      });
      // All of its signals count: what began long ago may last into the window.
      const ever = countingRows(measure, signals, measure.of, null);
      return bySubscription(
        signals,
        ever,
        (all) => covered(all.map((row) => [from[row]!, to[row]!])) / DAY_MS,
      );
    }
    case 'open_items':
      return openItems(measure, signals, definition.item, ({ length }) => length);
    case 'open_items_age': {
      const q = definition.quantile ?? 1;
      return openItems(measure, signals, definition.item, (ages) => {
        const found = quantile(
          ages.filter((open) => !Number.isNaN(open)),
          q,
        );
        return (Number.isNaN(found) ? 0 : found) / DAY_MS;
      });
    }
    case 'sql':
      throw new RangeError('what is SQL itself is computed by the store');
  }
}

/** What some rows, all of one subscription, come to; `subscription` is its number. */
type OfSubscription = (rows: readonly number[], subscription: number) => number;

function bySubscription(
  { starts }: JoinedSignals,
  counts: (row: number) => boolean,
  value: OfSubscription,
): Numbers {
  const out = new Float64Array(starts.length - 1);
  for (let subscription = 0; subscription < out.length; subscription++) {
    const rows: number[] = [];
    for (let row = starts[subscription]!; row < starts[subscription + 1]!; row++)
      if (counts(row)) rows.push(row);
    out[subscription] = value(rows, subscription);
  }
  return out;
}

/** Which rows of these types count for the measure. */
function countingRows(
  measure: Measure,
  signals: JoinedSignals,
  types: TypeSet,
  withinDays = measure.withinDays,
): (row: number) => boolean {
  const ofTypes = signals.areOf(types);
  const has = fulfilling(measure.where, signals);
  const when = measure.when === null ? null : signals.valuesOf(measure.when);
  const within = (withinDays ?? Number.POSITIVE_INFINITY) * DAY_MS;
  return (row) =>
    ofTypes[row]! && signals.age[row]! < within && has(row) && (when === null || when[row] === 1);
}

function fulfilling(conditions: Conditions, signals: JoinedSignals): (row: number) => boolean {
  const all = conditions.map(({ attribute, values }) => ({ texts: signals.attribute(attribute), values }));
  return (row) => all.every(({ texts, values }) => values.includes(texts[row]!));
}

/** `value` of the open items of each subscription: for how long each has been open, in milliseconds, NaN where not known. */
function openItems(
  measure: Measure,
  signals: JoinedSignals,
  item: string,
  value: (openFor: readonly number[]) => number,
): Numbers {
  const { at, asOf } = signals;
  const itemOf = signals.attribute(item);
  const opens = countingRows(measure, signals, measure.of);
  const closes = signals.areOf(measure.ends!);
  const starts = measure.starts === null ? () => false : countingRows(measure, signals, measure.starts);
  const startedAt = measure.value === null ? null : signals.valuesOf(measure.value);
  const isAbout = (row: number) => itemOf[row] !== '' && (opens(row) || closes[row]! || starts(row));
  return bySubscription(signals, isAbout, (rows) => {
    const open: number[] = [];
    for (const ofItem of groupBy(rows, (row) => itemOf[row]!).values()) {
      const opened = largest(ofItem.filter(opens).map((row) => at[row]!));
      const closed = largest(ofItem.filter((row) => closes[row]! && !opens(row)).map((row) => at[row]!));
      // Of an opening and a closing at one time the opening counts as the later.
      if (Number.isNaN(opened) || closed > opened) continue;
      const times = ofItem.filter(starts).map((row) => startedAt?.[row] ?? Number.NaN);
      open.push(asOf - least(times.filter((time) => !Number.isNaN(time))));
    }
    return value(open);
  });
}

const negative = (x: number) => -x;

function least(values: readonly number[]): number {
  return values.reduce((a, b) => Math.min(a, b), values[0] ?? Number.NaN);
}

function largest(values: readonly number[]): number {
  return values.reduce((a, b) => Math.max(a, b), values[0] ?? Number.NaN);
}

/** The value at or below which a share of the values lies. */
function quantile(values: readonly number[], q: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.ceil(q * sorted.length) - 1] ?? Number.NaN;
}

/** The value of the row that comes last in an order of several columns, the first of them deciding. */
function valueOfLast(
  rows: readonly number[],
  valueAt: (row: number) => number,
  order: readonly Float64Array[],
): number {
  let last: number | undefined;
  for (const row of rows) if (last === undefined || compare(row, last, order) > 0) last = row;
  return last === undefined ? Number.NaN : valueAt(last);
}

function compare(a: number, b: number, order: readonly Float64Array[]): number {
  for (const column of order) if (column[a] !== column[b]) return column[a]! - column[b]!;
  return 0;
}

/** The sum in whole parts of a unit, so that it does not depend on the order; beyond 1e15 a value counts as that much. */
function wholeSum(values: readonly number[], unit: number): number {
  const parts = values.map((value) => BigInt(roundHalfEven(unit * bounded(value))));
  return Number(parts.reduce((a, b) => a + b, 0n)) / unit;
}

function bounded(value: number): number {
  return Math.max(-1e15, Math.min(1e15, value));
}

/** As the engine rounds floats: halves to the even number. */
function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Least-squares slope of log(1 + number of signals) over the stretches of a window, the latest at 0, earlier ones before it. */
function slope(ages: readonly number[], withinDays: number, every: number): number {
  const stretches = withinDays / every;
  const counts = new Array<number>(stretches).fill(0);
  for (const age of ages) counts[Math.floor(age / DAY_MS / every)]!++;
  const squares = (stretches * (stretches * stretches - 1)) / 12;
  const sum = counts.reduce(
    (sum, n, i) => sum + roundHalfEven(OF_LOGARITHM * Math.log(1 + n)) * (stretches - 1 - 2 * i),
    0,
  );
  return sum / (2 * OF_LOGARITHM) / squares;
}

/** How much stretches of time cover together. */
function covered(stretches: readonly (readonly [from: number, to: number])[]): number {
  let [end, sum] = [Number.NEGATIVE_INFINITY, 0];
  for (const [from, to] of [...stretches].sort(([a], [b]) => a - b)) {
    sum += Math.max(0, to - Math.max(from, end));
    end = Math.max(end, to);
  }
  return sum;
}
