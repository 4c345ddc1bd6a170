import { DAY_MS } from '../../core/clock.js';
import { quoteText } from '../../core/sql-text.js';
import type { Expression } from '../expression/expression.js';
import { expressionSql } from '../expression/expression-sql.js';
import { sameTypes, type TypeSet, typesSql } from '../signal-types.js';
import type { Aggregate } from './aggregates.js';
import type { Conditions, Measure } from './measure.js';
import { daysOf } from './window.js';

/**
 * The rows that a measure aggregates: signals joined to the subscriptions they speak of, with the columns `at` (milliseconds
 * since 1970), `age` (milliseconds from then to as_of, at least 0), and as needed `type`, `category`, `value`, attributes and
 * fields of the contract.
 */
export interface SignalRows {
  /** What all rows fulfil already, so that measures need not ask for it again. */
  readonly types: TypeSet;
  readonly withinDays: number | null;
  /** Column of an attribute; the empty text where a signal lacks it. */
  readonly attribute: (name: string) => string;
  /** A field of the contract as expressions see it. */
  readonly contract: (name: string) => string;
  /** How aggregates are called: over the rows themselves, or in two steps. */
  readonly aggregate: Aggregate;
}

/**
 * The aggregate that a measure is, over such rows, grouped by subscription. Items are aggregated first, see `item-sql.ts`: the
 * columns `is_open_<measure>` and `open_for_<measure>` (milliseconds) are there by item.
 */
export function measureSql(measure: Measure, rows: SignalRows): string {
  const { definition } = measure;
  const aggregate = (
    name: string,
    args: readonly string[],
    condition: string | null,
    parameters?: readonly number[],
  ) => rows.aggregate({ name, args, condition, ...(parameters === undefined ? {} : { parameters }) });
  const wholeSum = (what: string, unit: number, condition: string | null) =>
    `toFloat64(ifNull(${aggregate('sum', [`toInt128(round(${unit} * ${bounded(what)}))`], condition)}, 0)) / ${unit}`;
  const when = (...more: readonly (string | null)[]) => conditionSql(measure, rows, measure.of, more);
  const value = measure.value === null ? 'NULL' : valueSql(measure.value, rows);
  switch (definition.op) {
    case 'count':
      return aggregate('count', [], when());
    case 'total':
      return wholeSum(`ifNull(${value}, 1)`, MILLIONTHS, when());
    case 'sum':
      return wholeSum(value, MILLIONTHS, when());
    case 'mean':
      return `${wholeSum(value, MILLIONTHS, when())} / nullIf(${aggregate('count', [], when(`isNotNull(${value})`))}, 0)`;
    case 'min':
      return aggregate('minOrNull', [value], when());
    case 'max':
      return aggregate('maxOrNull', [value], when());
    case 'quantile':
      return `arrayElementOrNull(arraySort(${aggregate('groupArray', [value], when())}) AS ${measure.name}_values, toUInt32(ceil(${definition.quantile} * length(${measure.name}_values))))`;
    case 'last':
      return aggregate('argMaxOrNull', [value, `(at, ifNull(${value}, 0))`], when());
    case 'first':
      return aggregate('argMinOrNull', [value, `(at, ifNull(${value}, 0))`], when());
    case 'last_at':
      return aggregate('maxOrNull', ['at'], when(measure.value === null ? null : `isNotNull(${value})`));
    case 'first_at':
      return aggregate('minOrNull', ['at'], when(measure.value === null ? null : `isNotNull(${value})`));
    case 'at_max': {
      const by = valueSql(measure.by!, rows);
      const order = `(ifNull(${by}, 0), at, ifNull(${value}, 0))`;
      return aggregate('argMaxOrNull', [value, order], when(`isNotNull(${by})`));
    }
    case 'ewma': {
      const weight = `exp2(-age / ${daysOf(definition.half_life) * DAY_MS})`;
      const weights = aggregate(
        'sum',
        [`toInt128(round(${WEIGHTS} * ${weight}))`],
        when(`isNotNull(${value})`),
      );
      return `${wholeSum(`${bounded(value)} * ${weight}`, WEIGHTS, when())} / nullIf(toFloat64(${weights}) / ${WEIGHTS}, 0)`;
    }
    case 'share':
      return `${aggregate('count', [], when(...havingSql(measure.having, rows)))} / nullIf(${aggregate('count', [], when())}, 0)`;
    case 'distinct':
      return distinctSql(measure, rows);
    case 'distinct_days':
      return measure.withinDays !== null && measure.withinDays <= 64
        ? `bitCount(${aggregate('groupBitOr', [`bitShiftLeft(toUInt64(1), toUInt8(least(63, ${DAYS})))`], when())})`
        : aggregate('uniqExact', [DAYS], when());
    case 'days_since':
      return `${aggregate('minOrNull', ['age'], when())} / ${DAY_MS}`;
    case 'trend':
      return trendSql(measure.withinDays!, daysOf(definition.every), (parameters) =>
        aggregate('countResample', [`toInt32(${DAYS})`], when(), parameters),
      );
    case 'streak': {
      // An end before the window is before all that counts.
      const end = aggregate('maxOrNull', ['at'], conditionSql(measure, rows, measure.ends!, []));
      return `arrayCount(t -> -t > ifNull(${end}, -9000000000000000), ${aggregate('groupArraySorted', ['-at'], when(), [MOST_OF_STREAK])})`;
    }
    case 'covered_days': {
      const { from, to } = coveredSql(measure, rows);
      // All of its signals count: what began long ago may last into the window.
      return `${aggregate('intervalLengthSum', [from, to], conditionSql(measure, rows, measure.of, [`${to} > ${from}`], null))} / ${DAY_MS}`;
    }
    case 'open_items':
      return `countIf(is_open_${measure.name})`;
    case 'open_items_age': {
      const { name } = measure;
      const q = definition.quantile ?? 1;
      if (q === 1) return `ifNull(maxOrNullIf(open_for_${name}, is_open_${name}), 0) / ${DAY_MS}`;
      const ages = `arraySort(groupArrayIf(open_for_${name}, is_open_${name} AND isNotNull(open_for_${name}))) AS ages_${name}`;
      return `ifNull(arrayElementOrNull(${ages}, toUInt32(ceil(${q} * length(ages_${name})))), 0) / ${DAY_MS}`;
    }
    case 'sql':
      return `toFloat64(${definition.sql})`;
  }
}

/** The stretch that a signal of `covered_days` covers of the window, in milliseconds; empty where it ended before. */
export function coveredSql(
  measure: Measure,
  rows: SignalRows,
): { readonly from: string; readonly to: string } {
  const { otherwise } = measure.definition as Extract<Measure['definition'], { op: 'covered_days' }>;
  const from = `greatest(at, at + age - ${measure.withinDays ?? 0} * ${DAY_MS})`;
  const until = `ifNull(${valueSql(measure.value!, rows)}, at + ${daysOf(otherwise) * DAY_MS})`;
  return {
    from,
    to: `toInt64(greatest(toFloat64(${from}), least(toFloat64(at + age), toFloat64(${until}))))`,
  };
}

/** Which rows of these types count for the measure; null: all. */
export function conditionSql(
  measure: Measure,
  rows: SignalRows,
  types: TypeSet,
  more: readonly (string | null)[],
  withinDays = measure.withinDays,
): string | null {
  const parts = [
    sameTypes(types, rows.types) ? null : typesSql(types),
    withinDays === null || withinDays === rows.withinDays ? null : `age < ${withinDays * DAY_MS}`,
    ...havingSql(measure.where, rows),
    measure.when === null ? null : `ifNull(${valueSql(measure.when, rows)}, 0)`,
    ...more,
  ].filter((part) => part !== null);
  return parts.length === 0 ? null : parts.join(' AND ');
}

export function havingSql(conditions: Conditions, rows: SignalRows): string[] {
  return conditions.map(({ attribute, values }) => {
    const column = rows.attribute(attribute);
    return values.length === 1
      ? `${column} = ${quoteText(values[0]!)}`
      : `${column} IN (${values.map(quoteText).join(', ')})`;
  });
}

export function valueSql(expression: Expression, rows: SignalRows): string {
  return expressionSql(expression, {
    attribute: (name) => `nullIf(${rows.attribute(name)}, '')`,
    name: (name) => {
      if (name === 'value') return 'value';
      if (name === 'occurred_at') return 'toFloat64(at)';
      if (name === 'as_of') return 'toFloat64(at + age)';
      return rows.contract(name);
    },
  });
}

/** Whole days from the signal to as_of. */
const DAYS = `intDiv(age, ${DAY_MS})`;
/** Parts of one in which fractions are summed. */
export const MILLIONTHS = 1e6;
export const WEIGHTS = 1e12;
export const OF_LOGARITHM = 1e9;
/** A bound on memory: the times of so many signals are kept. */
export const MOST_OF_STREAK = 100;

/** Values beyond 1e15 count as 1e15: rounded to millionths or weighted they still fit into 128 bits. */
function bounded(value: string): string {
  return `if(isNull(${value}), NULL, greatest(-1e15, least(1e15, ${value})))`;
}

function distinctSql(measure: Measure, rows: SignalRows): string {
  const definition = measure.definition as Extract<Measure['definition'], { op: 'distinct' }>;
  const column = rows.attribute(definition.attribute);
  const condition = conditionSql(measure, rows, measure.of, [
    definition.with_missing === true ? null : `${column} != ''`,
  ]);
  const values =
    definition.per === undefined ? column : `(${column}, intDiv(age, ${daysOf(definition.per) * DAY_MS}))`;
  return rows.aggregate({ name: 'uniqExact', args: [values], condition });
}

/**
 * The slope of n points at -0, -1, … -(n - 1): each value times its distance from the mean, over the sum of squares. Logarithms
 * are summed in whole parts, so that it comes out the same wherever and in whatever order they are computed.
 */
function trendSql(
  withinDays: number,
  every: number,
  counts: (parameters: readonly number[]) => string,
): string {
  const stretches = withinDays / every;
  const halves = Array.from({ length: stretches }, (_, i) => `toInt64(${stretches - 1 - 2 * i})`);
  const squares = (stretches * (stretches * stretches - 1)) / 12;
  const sum = `arraySum((n, halves) -> toInt64(round(${OF_LOGARITHM} * log(1 + n))) * halves, ${counts([0, withinDays, every])}, [${halves.join(', ')}])`;
  return `toFloat64(${sum}) / ${2 * OF_LOGARITHM} / ${squares}`;
}
