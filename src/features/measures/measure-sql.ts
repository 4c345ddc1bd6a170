import { DAY_MS } from '../../core/clock.js';
import { quoteText } from '../../core/sql-text.js';
import type { Expression } from '../expression/expression.js';
import { expressionSql } from '../expression/expression-sql.js';
import { sameTypes, type TypeSet, typesSql, union } from '../signal-types.js';
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
}

/** The aggregate that a measure is, over such rows, grouped by subscription. Items come aggregated by `itemsSql` first. */
export function measureSql(measure: Measure, rows: SignalRows): string {
  const { definition } = measure;
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
      return trendSql(measure.withinDays! / daysOf(definition.every), daysOf(definition.every), when());
    case 'streak': {
      // An end before the window is before all that counts.
      const end = aggregate('maxOrNull', ['at'], conditionSql(measure, rows, measure.ends!, []));
      return `arrayCount(t -> -t > ifNull(${end}, -9000000000000000), ${aggregate('groupArraySorted(100)', ['-at'], when())})`;
    }
    case 'covered_days': {
      const from = `greatest(at, at + age - ${measure.withinDays ?? 0} * ${DAY_MS})`;
      const until = `ifNull(${value}, at + ${daysOf(definition.otherwise) * DAY_MS})`;
      const to = `toInt64(greatest(toFloat64(${from}), least(toFloat64(at + age), toFloat64(${until}))))`;
      // All of its signals count: what began long ago may last into the window.
      return `${aggregate('intervalLengthSum', [from, to], conditionSql(measure, rows, measure.of, [`${to} > ${from}`], null))} / ${DAY_MS}`;
    }
    case 'open_items':
      return 'countIf(is_open)';
    case 'open_items_age': {
      const age = `open_for_${measure.name}`;
      const q = definition.quantile ?? 1;
      if (q === 1) return `ifNull(maxOrNullIf(${age}, is_open), 0) / ${DAY_MS}`;
      const ages = `arraySort(groupArrayIf(${age}, is_open AND isNotNull(${age}))) AS ages_${measure.name}`;
      return `ifNull(arrayElementOrNull(${ages}, toUInt32(ceil(${q} * length(ages_${measure.name})))), 0) / ${DAY_MS}`;
    }
    case 'sql':
      return `toFloat64(${definition.sql})`;
  }
}

/**
 * Columns over rows grouped by subscription and item, for measures that agree on when an item is open: `is_open`, and for each
 * that asks how long, `open_for_<measure>` in milliseconds.
 */
export function itemsSql(measures: readonly Measure[], rows: SignalRows): string {
  const [first] = measures as [Measure, ...Measure[]];
  const opening = conditionSql(first, rows, first.of, []) ?? '1';
  const events = union([first.of, first.ends!]);
  const allAreEvents = sameTypes(events, rows.types) && first.where.length === 0 && first.when === null;
  // Of an opening and a closing at one time the opening counts as the later.
  const latest = aggregate(
    'max',
    [`at * 2 + (${opening})`],
    allAreEvents ? null : `(${opening} OR ${typesSql(first.ends!)})`,
  );
  const ages = measures.flatMap((measure) => {
    if (measure.starts === null) return [];
    const age = `toFloat64(at + age) - ${valueSql(measure.value!, rows)}`;
    return [
      `${aggregate('maxOrNull', [age], conditionSql(measure, rows, measure.starts, []))} AS open_for_${measure.name}`,
    ];
  });
  return [`bitAnd(${latest}, 1) = 1 AS is_open`, ...ages].join(', ');
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
const MILLIONTHS = 1e6;
const WEIGHTS = 1e12;

function aggregate(name: string, args: readonly string[], condition: string | null): string {
  if (condition === null) return `${name}(${args.join(', ')})`;
  const [, base, parameters = ''] = /^(\w+)(\(.*\))?$/.exec(name)!;
  return `${base}If${parameters}(${[...args, condition].join(', ')})`;
}

/** A sum that does not depend on the order of rows: of whole numbers, in 128 bits that no number of rows fills. */
function wholeSum(value: string, unit: number, condition: string | null): string {
  return `toFloat64(ifNull(${aggregate('sum', [`toInt128(round(${unit} * ${bounded(value)}))`], condition)}, 0)) / ${unit}`;
}

/** Values beyond 1e15 count as 1e15: rounded to millionths or weighted they still fit into 128 bits. */
function bounded(value: string): string {
  return `greatest(-1e15, least(1e15, ${value}))`;
}

function distinctSql(measure: Measure, rows: SignalRows): string {
  const definition = measure.definition as Extract<Measure['definition'], { op: 'distinct' }>;
  const column = rows.attribute(definition.attribute);
  const condition = conditionSql(measure, rows, measure.of, [
    definition.with_missing === true ? null : `${column} != ''`,
  ]);
  const args =
    definition.per === undefined ? column : `(${column}, intDiv(age, ${daysOf(definition.per) * DAY_MS}))`;
  return aggregate('uniqExact', [args], condition);
}

/** The slope of n points at -0, -1, … -(n - 1): each value times its distance from the mean, over the sum of squares. */
function trendSql(stretches: number, days: number, condition: string | null): string {
  const weights = Array.from({ length: stretches }, (_, i) => (stretches - 1) / 2 - i);
  const squares = (stretches * (stretches * stretches - 1)) / 12;
  const counts = `count${condition === null ? '' : 'If'}Resample(0, ${stretches * days}, ${days})(${condition === null ? '' : `${condition}, `}toInt32(${DAYS}))`;
  return `arraySum((n, weight) -> log(1 + n) * weight, ${counts}, [${weights.map((w) => `toFloat64(${w})`).join(', ')}]) / ${squares}`;
}
