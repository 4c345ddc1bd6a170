import { attributesRead, itemOf, type Measure, typesRead } from '../measures/measure.js';
import { type TypeSet, typeNames, union } from '../signal-types.js';

/**
 * Measures that are computed in one reading of the signals: of the types that they want, as far back as they look. How
 * measures are spread over branches changes what a query costs, and never what it gives: a measure asks for all of its own
 * conditions wherever its branch does not fulfil them already.
 */
export interface Branch {
  readonly form: 'signals' | 'items' | 'sql';
  readonly types: TypeSet;
  /** Null: everything there is. */
  readonly withinDays: number | null;
  readonly measures: readonly Measure[];
}

/**
 * few: as few branches as there can be. Planning a query costs milliseconds a branch, which is what counts for a few accounts.
 * many: measures that look back about as far and read about as much share a branch. Reading the signals is what counts for
 * many accounts, and most signals are older than most windows.
 */
export type Spread = 'few' | 'many';

export function branchesOf(measures: readonly Measure[], spread: Spread): readonly Branch[] {
  const groups = new Map<string, Measure[]>();
  for (const measure of measures) {
    const key = keyOf(measure, spread);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [measure]);
    else group.push(measure);
  }
  return [...groups.values()].map((group): Branch => {
    const [first] = group as [Measure, ...Measure[]];
    const reaches = group.map(reachOf);
    return {
      form: itemOf(first) !== null ? 'items' : first.definition.op === 'sql' ? 'sql' : 'signals',
      types: union(group.map(typesRead)),
      withinDays: reaches.includes(null) ? null : Math.max(...reaches.map((days) => days!)),
      measures: group,
    };
  });
}

/** Days up to which windows share a branch: those of weeks and months, of a quarter or two, and the rest. */
const STEPS = [62, 200];

function keyOf(measure: Measure, spread: Spread): string {
  const { definition, of, ends, where, when } = measure;
  // Those that agree on what an item is and when it is open.
  if (itemOf(measure) !== null)
    return `items ${JSON.stringify([itemOf(measure), typeNames(of), typeNames(ends!), where, when, measure.withinDays])}`;
  // Its text speaks of the rows that it gets, so it gets no others.
  if (definition.op === 'sql')
    return `sql ${JSON.stringify([typeNames(of), where, when, measure.withinDays])}`;
  if (spread === 'few') return 'signals';
  const reach = reachOf(measure) ?? Number.POSITIVE_INFINITY;
  const step = STEPS.findIndex((days) => reach <= days);
  // Attributes are the dearest column; in short windows there are few rows to read them of.
  return `signals ${step} ${step >= 0 || attributesRead(measure).size === 0 ? '' : 'attributes'}`;
}

/** How far back a measure reads, in days. A stretch that began long ago may last into the window. */
function reachOf({ definition, withinDays }: Measure): number | null {
  return definition.op === 'covered_days' ? null : withinDays;
}
