import { quoteText } from '../../core/sql-text.js';
import { type TypeSet, typesSql, union } from '../signal-types.js';
import { inOneStep } from './aggregates.js';
import { itemOf, type Measure } from './measure.js';
import { conditionSql, type SignalRows, valueSql } from './measure-sql.js';

/** Measures that agree on what an item is and when it is open: tickets, invoices. */
export interface ItemKind {
  readonly item: string;
  readonly types: TypeSet;
  readonly measures: readonly Measure[];
}

/** The kinds of items among measures; others are left out. */
export function itemKindsOf(measures: readonly Measure[]): readonly ItemKind[] {
  const kinds = new Map<string, Measure[]>();
  for (const measure of measures) {
    if (itemOf(measure) === null) continue;
    const { of, ends, where, when, withinDays } = measure;
    const key = JSON.stringify([itemOf(measure), of, ends, where, when, withinDays]);
    kinds.set(key, [...(kinds.get(key) ?? []), measure]);
  }
  return [...kinds.values()].map((same): ItemKind => {
    const types = union(
      same.flatMap(({ of, ends, starts }) => [of, ends!, ...(starts === null ? [] : [starts])]),
    );
    return { item: itemOf(same[0]!)!, types, measures: same };
  });
}

/** The item that a signal is about; the empty text: none. Items of several kinds are kept apart by what stands first. */
export function itemSql(kinds: readonly ItemKind[], rows: SignalRows): string {
  const ids = kinds.map(({ item, types }, i) => {
    const id = rows.attribute(item);
    return `${typesSql(types)}, if(${id} = '', '', concat(${quoteText(`${i}:`)}, ${id}))`;
  });
  return `multiIf(${ids.join(', ')}, '')`;
}

/**
 * Columns by subscription and `item`: for each measure `is_open_<measure>`, and where it asks how long `open_for_<measure>`, in
 * milliseconds.
 */
export function itemColumns({ measures }: ItemKind, rows: SignalRows): string[] {
  const [first] = measures as [Measure, ...Measure[]];
  const opens = conditionSql(first, rows, first.of, []) ?? '1';
  const isEvent = `(${opens} OR ${typesSql(first.ends!)})`;
  // Of an opening and a closing at one time the opening counts as the later.
  const latest = inOneStep({ name: 'max', args: [`at * 2 + (${opens})`], condition: isEvent });
  return measures.flatMap((measure) => {
    const isOpen = `item != '' AND bitAnd(${latest}, 1) = 1 AS is_open_${measure.name}`;
    if (measure.starts === null) return [isOpen];
    const openFor = inOneStep({
      name: 'maxOrNull',
      args: [`toFloat64(at + age) - ${valueSql(measure.value!, rows)}`],
      condition: conditionSql(measure, rows, measure.starts, []),
    });
    return [isOpen, `${openFor} AS open_for_${measure.name}`];
  });
}
