import { DAY_MS } from '../../core/clock.js';
import { quoteText } from '../../core/sql-text.js';
import { itemOf, type Measure } from '../measures/measure.js';
import { conditionSql, coveredSql, havingSql, type SignalRows, valueSql } from '../measures/measure-sql.js';
import { daysOf } from '../measures/window.js';
import { typeNames, typesSql } from '../signal-types.js';

/** What a measure makes of a signal, and why. */
export interface Ruling {
  /** Whether the value of the measure rests on the signal. */
  readonly counts: boolean;
  /** "older than 28d"; of what counts, as what: "counted", "ends a streak". */
  readonly why: string;
}

/** A ruling and the signals that it is of: of several whose condition holds, the first. */
interface RulingSql extends Ruling {
  readonly condition: string;
}

/**
 * What a measure makes of the signals of one subscription: SQL of the number of a ruling, from 1, over rows that are not grouped;
 * 0 of signals whose types it does not read. The conditions are those by which the measure itself is computed.
 */
export function rulingSql(
  measure: Measure,
  rows: SignalRows,
): { readonly sql: string; readonly rulings: readonly Ruling[] } {
  const all = [...rulingsOfEnds(measure, rows), ...rulingsOfCounted(measure, rows)];
  return {
    sql: `multiIf(${all.map(({ condition }, i) => `${condition}, ${i + 1}`).join(', ')}, 0)`,
    rulings: all.map(({ counts, why }) => ({ counts, why })),
  };
}

/** Signals that close or end what others began, or say since when it lasts. */
function rulingsOfEnds(measure: Measure, rows: SignalRows): RulingSql[] {
  const { ends, starts, of } = measure;
  const item = itemOf(measure);
  const found: RulingSql[] = [];
  const own = typesSql(of);
  if (ends !== null) {
    const isEnd = `NOT (${own}) AND ${typesSql(ends)}`;
    if (item === null) found.push({ condition: isEnd, counts: true, why: 'ends the streak before it' });
    else
      found.push(
        { condition: `${isEnd} AND ${rows.attribute(item)} = ''`, counts: false, why: `has no ${item}` },
        { condition: isEnd, counts: true, why: `closes its ${item}` },
      );
  }
  if (starts !== null && item !== null)
    found.push({
      condition: `NOT (${own}) AND ${typesSql(starts)}`,
      counts: true,
      why: 'says since when it is open',
    });
  return found;
}

function rulingsOfCounted(measure: Measure, rows: SignalRows): RulingSql[] {
  const { definition, of, withinDays, where, when } = measure;
  const isOf = typesSql(of);
  const not = (condition: string, why: string): RulingSql => ({
    condition: `${isOf} AND NOT ifNull(${condition}, 0)`,
    counts: false,
    why,
  });
  const found: RulingSql[] = [];
  if (definition.op === 'covered_days') {
    const { from, to } = coveredSql(measure, rows);
    found.push(not(`${to} > ${from}`, `ended more than ${withinDays} days before`));
  } else if (withinDays !== null)
    found.push(not(`age < ${withinDays * DAY_MS}`, `older than ${withinDays} days`));
  where.forEach((condition) => {
    const wanted = condition.values.join(' or ');
    found.push(not(havingSql([condition], rows)[0]!, `its ${condition.attribute} is not ${wanted}`));
  });
  if (when !== null) found.push(not(valueSql(when, rows), 'its `when` does not hold'));
  found.push(...rulingsOfOperation(measure, rows, not));
  found.push({ condition: isOf, counts: true, why: 'counted' });
  return found;
}

/** What an operation needs beside: an attribute, a value; and which of several signals decides. */
function rulingsOfOperation(
  measure: Measure,
  rows: SignalRows,
  not: (condition: string, why: string) => RulingSql,
): RulingSql[] {
  const { definition, of, value, ends } = measure;
  const counted = conditionSql(measure, rows, of, []) ?? '1';
  const number = value === null ? null : valueSql(value, rows);
  const needsValue = number === null ? [] : [not(`isNotNull(${number})`, 'has no such value')];
  const deciding = number === null ? counted : `${counted} AND isNotNull(${number})`;
  switch (definition.op) {
    case 'total':
    case 'covered_days':
      return [];
    case 'last':
    case 'last_at':
      return [...needsValue, not(`at = (maxIf(at, ${deciding}) OVER ())`, 'a later one decides')];
    case 'first':
    case 'first_at':
      return [...needsValue, not(`at = (minIf(at, ${deciding}) OVER ())`, 'an earlier one decides')];
    case 'days_since':
      return [not(`at = (maxIf(at, ${counted}) OVER ())`, 'a later one decides')];
    case 'at_max':
      return [not(`isNotNull(${valueSql(measure.by!, rows)})`, 'has no such value')];
    case 'distinct':
      return definition.with_missing === true
        ? []
        : [not(`${rows.attribute(definition.attribute)} != ''`, `has no ${definition.attribute}`)];
    case 'streak': {
      const end = `(maxIf(at, ${typesSql(ends!)}) OVER ())`;
      return [not(`at > ${end}`, `before the last of ${typeNames(ends!).join(', ')}`)];
    }
    case 'open_items':
    case 'open_items_age': {
      const id = rows.attribute(definition.item);
      const event = `(${counted}) OR ${typesSql(ends!)}`;
      const latest = `(maxIf(at * 2 + (${counted}), ${event}) OVER (PARTITION BY ${id}))`;
      return [
        not(`${id} != ''`, `has no ${definition.item}`),
        not(`bitAnd(${latest}, 1) = 1`, `its ${definition.item} was closed`),
      ];
    }
    case 'share':
    case 'count':
    case 'distinct_days':
    case 'trend':
    case 'sql':
      return [];
    default:
      return needsValue;
  }
}

/** "last, of the latest 28 days". */
export function windowInWords({ withinDays, definition }: Measure): string {
  const every = definition.op === 'trend' ? ` by ${daysOf(definition.every)} days` : '';
  return withinDays === null ? 'ever' : `${withinDays} days${every}`;
}

/** What every measure may read of a signal, by names that stand for themselves. */
export function plainRows(attributes: readonly string[], contract: SignalRows['contract']): SignalRows {
  return {
    types: { types: [], categories: [] },
    withinDays: null,
    attribute: (name) => (attributes.includes(name) ? `a${attributes.indexOf(name)}` : quoteText('')),
    contract,
    aggregate: () => {
      throw new RangeError('rows that are not grouped have no aggregates');
    },
  };
}
