import { attributesRead, itemOf, type Measure, readsValue, typesRead } from '../measures/measure.js';
import { sameTypes, union } from '../signal-types.js';
import { NEAR_DAYS, reachOf } from './branches.js';

/*
 * What only the latest signal decides is decided by those of the last weeks, for nearly everybody, and to read a year of all signals for
 * it costs as much as a fifth of all features together (ADR 0271). So it is asked of the nearest windows first, whose signals are read
 * anyway, and once more, as far back as it goes, of the accounts that have none there.
 */

/** Operations whose result over all signals is that over any latest part of them, if that has one, and says how old it is. */
const OF_THE_LATEST: ReadonlySet<string> = new Set(['days_since', 'last_at']);

export interface RecentFirst {
  /** All measures; those that are asked for once more look no further than the nearest windows. */
  readonly recent: readonly Measure[];
  /** The same measures as they are, for those for whom the first gave nothing. */
  readonly earlier: readonly Measure[];
  /** How far back the first question looks for them. */
  readonly days: number;
}

export function recentFirst(measures: readonly Measure[]): RecentFirst {
  const near = measures.filter(isNear);
  const days = Math.max(...near.map((measure) => reachOf(measure)!));
  const types = union(near.map(typesRead));
  const attributes = new Set(near.flatMap((measure) => [...attributesRead(measure)]));
  const values = near.some(readsValue);
  const isReadAnyway = (measure: Measure): boolean =>
    sameTypes(union([types, typesRead(measure)]), types) &&
    [...attributesRead(measure)].every((name) => attributes.has(name)) &&
    (values || !readsValue(measure));
  const earlier = measures.filter(
    (measure) =>
      OF_THE_LATEST.has(measure.definition.op) &&
      (reachOf(measure) ?? Number.POSITIVE_INFINITY) > days &&
      isReadAnyway(measure),
  );
  const twice = new Set(earlier);
  return {
    recent: measures.map((measure) => (twice.has(measure) ? { ...measure, withinDays: days } : measure)),
    earlier,
    days,
  };
}

function isNear(measure: Measure): boolean {
  return (
    itemOf(measure) === null &&
    measure.definition.op !== 'sql' &&
    (reachOf(measure) ?? Number.POSITIVE_INFINITY) <= NEAR_DAYS
  );
}
