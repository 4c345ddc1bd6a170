import { DAY_MS, type Millis } from '../core/clock.js';
import { MONTHS, type REGIONS, WEEKDAYS, WORKING_HOURS, YEAR_END } from './model.js';
import type { Random } from './random.js';

/** One day of the simulated time, in UTC. */
export interface Day {
  readonly start: Millis;
  readonly end: Millis;
  /** 0 is Sunday. */
  readonly weekday: number;
  /** 1 to 31. */
  readonly dayOfMonth: number;
  /** How much is done on this day compared with an average one. */
  readonly season: number;
  /** The same without the day of the week. */
  readonly yearSeason: number;
}

export function dayAt(start: Millis): Day {
  const date = new Date(start);
  const weekday = date.getUTCDay();
  const yearSeason = yearSeasonOf(date);
  return {
    start,
    end: start + DAY_MS,
    weekday,
    dayOfMonth: date.getUTCDate(),
    season: yearSeason * (WEEKDAYS[weekday] ?? 1),
    yearSeason,
  };
}

/** A moment in the region's working hours of the day that begins at `dayStart`, likelier around noon. */
export function workingTime(random: Random, region: keyof typeof REGIONS, dayStart: Millis): Millis {
  const [from, hours] = WORKING_HOURS[region];
  const share = (random.uniform() + random.uniform()) / 2;
  return Math.floor(dayStart + (from + hours * share) * 3_600_000);
}

/** The month's factor, moving in a straight line from the middle of one month to the middle of the next. */
function yearSeasonOf(date: Date): number {
  const month = date.getUTCMonth();
  const position = (date.getUTCDate() - 15) / 30;
  const neighbour = MONTHS[(month + (position < 0 ? 11 : 1)) % 12] ?? 1;
  const own = MONTHS[month] ?? 1;
  const factor = own + (neighbour - own) * Math.min(0.5, Math.abs(position));
  const monthAndDay = date.toISOString().slice(5, 10);
  const isYearEnd = monthAndDay >= YEAR_END.from || monthAndDay <= YEAR_END.to;
  return isYearEnd ? factor * YEAR_END.factor : factor;
}
