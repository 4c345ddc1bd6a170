import { attributesRead, itemOf, type Measure, readsValue, typesRead } from '../measures/measure.js';
import { sameTypes, union } from '../signal-types.js';
import { NEAR_DAYS, reachOf } from './branches.js';

/*
 * Some measures depend on the latest signal only. Most subscriptions have one within the last weeks, and to read a year of signals to find it
 * takes a fifth of the processor time of the feature query (ADR 0271). So a first query looks for it within the shortest windows, whose
 * signals it reads anyway, and a second query reads the full look-back of those accounts that had none there.
 */

/** Operations that depend on the latest signal only, and whose result says how old that is. */
const OF_THE_LATEST: ReadonlySet<string> = new Set(['days_since', 'last_at']);

export interface RecentFirst {
  /** The measures of the first query: all of them, those of the second with a shorter window. */
  readonly recent: readonly Measure[];
  /** The measures of the second query, with their full windows. */
  readonly earlier: readonly Measure[];
  /** The shorter window, in days. */
  readonly days: number;
}

/** Splits the measures of a query over a range of accounts. Without measures for a second query `recent` is all there is. */
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
