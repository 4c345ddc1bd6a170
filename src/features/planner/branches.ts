import { type ItemKind, itemKindsOf } from '../measures/item-sql.js';
import { attributesRead, itemOf, type Measure, typesRead } from '../measures/measure.js';
import { type TypeSet, typeNames, union } from '../signal-types.js';

/**
 * Measures that are computed in one reading of the signals: of the types that they want, as far back as they look. How
 * measures are spread over branches changes what a query costs, and never what it gives: a measure asks for all of its own
 * conditions wherever its branch does not fulfil them already.
 */
export interface Branch {
  readonly measures: readonly Measure[];
  readonly types: TypeSet;
  /** How far back it reads; null: everything there is. */
  readonly withinDays: number | null;
  /** The items among them, which are aggregated first. */
  readonly items: readonly ItemKind[];
}

/**
 * one: everything in one branch, as far as that goes. For named accounts, whose signals are spread over the whole log, and for
 * many times, whose windows together reach far: every branch would read most of it, and to plan it costs milliseconds.
 * many: measures that look back about as far and read about as much share a branch. For a stretch of accounts, of which all
 * signals are read: most of them are older than most windows.
 */
export type Spread = 'one' | 'many';

export function branchesOf(measures: readonly Measure[], spread: Spread): readonly Branch[] {
  const plain = measures.filter((measure) => itemOf(measure) === null);
  const keyOf = (measure: Measure) =>
    measure.definition.op === 'sql' ? sqlKey(measure) : spread === 'one' ? '' : stepKey(measure);
  const groups: Measure[][] = [...grouped(plain, keyOf).values()];
  const home = groups.find((group) => group[0]!.definition.op !== 'sql');
  // Those of a stretch of accounts are read for themselves: an attribute of few signals costs as much as of all.
  const shared: Measure[][] = spread === 'one' && home !== undefined ? [home] : [];
  const apart: Measure[][] = [];
  for (const kind of itemKindsOf(measures)) {
    // In one branch a signal belongs to one item.
    const free = [...shared, ...apart].find((group) =>
      itemKindsOf(group).every(({ types }) => !overlap(types, kind.types)),
    );
    if (free === undefined) apart.push([...kind.measures]);
    else free.push(...kind.measures);
  }
  return [...groups, ...apart].map(branchOf);
}

/** All of them in one branch. */
export function branchOf(measures: readonly Measure[]): Branch {
  const reaches = measures.map(reachOf);
  return {
    measures,
    types: union(measures.map(typesRead)),
    withinDays: reaches.includes(null) ? null : Math.max(...reaches.map((days) => days!)),
    items: itemKindsOf(measures),
  };
}

/** How far back a measure reads, in days. A stretch that began long ago may last into the window. */
export function reachOf({ definition, withinDays }: Measure): number | null {
  return definition.op === 'covered_days' ? null : withinDays;
}

/** Days up to which windows are those of weeks and months. */
export const NEAR_DAYS = 62;
/** Days up to which windows share a branch: those of weeks and months, of a quarter or two, and the rest. */
const STEPS = [NEAR_DAYS, 200];

function stepKey(measure: Measure): string {
  const reach = reachOf(measure) ?? Number.POSITIVE_INFINITY;
  const step = STEPS.findIndex((days) => reach <= days);
  // Attributes are the dearest column; in shorter windows there are fewer rows to read them of.
  return `${step} ${step >= 0 || attributesRead(measure).size === 0 ? '' : 'attributes'}`;
}

/** Its text speaks of the rows that it gets, so it gets no others. */
function sqlKey({ of, where, when, withinDays }: Measure): string {
  return JSON.stringify([typeNames(of), where, when, withinDays]);
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return groups;
}

function overlap(a: TypeSet, b: TypeSet): boolean {
  return a.types.some((type) => b.types.includes(type)) || a.categories.length + b.categories.length > 0;
}
