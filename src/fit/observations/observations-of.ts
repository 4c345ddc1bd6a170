import { DAY_MS, type Millis } from '../../core/clock.js';
import type { DecidedTerm, Observation } from './observation.js';

export interface ObservationPlan {
  /** Days before the due date. */
  readonly leadDays: readonly number[];
  /** Whether what follows notice is left out: it is no forecast. */
  readonly beforeNotice: boolean;
  /** Times of observation lie on days, or on Mondays: fewer times cost less to look at. */
  readonly everyDays: 1 | 7;
}

/** The first Monday of the Unix era. */
const MONDAY = 4 * DAY_MS;

/** When each term is looked at, in the order of time. After notice it is not. */
export function observationsOf(
  terms: readonly DecidedTerm[],
  { leadDays, beforeNotice, everyDays }: ObservationPlan,
): { observations: Observation[]; afterNotice: number } {
  const observations: Observation[] = [];
  let afterNotice = 0;
  const step = everyDays * DAY_MS;
  for (const { noticeAt, ...term } of terms) {
    for (const days of leadDays) {
      const latest = term.dueAt - days * DAY_MS;
      const asOf: Millis = MONDAY + Math.floor((latest - MONDAY) / step) * step;
      if (beforeNotice && noticeAt !== null && noticeAt <= asOf) afterNotice++;
      else observations.push({ ...term, asOf, leadDays: days });
    }
  }
  observations.sort(
    (a, b) =>
      a.asOf - b.asOf ||
      (a.accountId < b.accountId ? -1 : a.accountId > b.accountId ? 1 : 0) ||
      (a.subscriptionId < b.subscriptionId ? -1 : 1),
  );
  return { observations, afterNotice };
}
