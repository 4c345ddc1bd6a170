import { LRUCache } from 'lru-cache';
import { DateTime } from 'luxon';
import type { Millis } from '../../core/clock.js';
import { isoTime } from '../../core/iso-time.js';
import { parseTime } from '../../signals/time.js';

/** Reads times in the forms that exports write them. Exports repeat their dates, and luxon is slow: so it remembers. */
export class TimeReader {
  readonly zone: string;
  readonly #formats: readonly string[];
  readonly #known = new LRUCache<string, { millis: Millis }>({ max: 20_000 });

  constructor(formats: readonly string[], zone: string) {
    this.#formats = formats;
    this.zone = zone;
  }

  /** The time that a text means under the first format that fits; NaN when none does. */
  read(text: string): Millis {
    const known = this.#known.get(text);
    if (known !== undefined) return known.millis;
    const millis = this.#read(text.trim());
    this.#known.set(text, { millis });
    return millis;
  }

  #read(text: string): Millis {
    for (const format of this.#formats) {
      const millis = readAs(text, format, this.zone);
      if (!Number.isNaN(millis)) return millis;
    }
    return Number.NaN;
  }
}

function readAs(text: string, format: string, zone: string): Millis {
  if (format === 'epoch_s' || format === 'epoch_ms') {
    if (!/^-?\d{1,15}(?:\.\d+)?$/.test(text)) return Number.NaN;
    return Math.trunc(Number(text) * (format === 'epoch_s' ? 1_000 : 1));
  }
  if (format === 'iso') {
    const exact = parseTime(text);
    if (!Number.isNaN(exact)) return exact;
    // A date first: luxon would take a bare hour for that hour of today.
    if (!/^\d{4}-\d\d-\d\d(?:$|[T ])/.test(text)) return Number.NaN;
    return isoTime(text.replace(' ', 'T'), zone);
  }
  const time = DateTime.fromFormat(text, format, { zone, locale: 'en' });
  return time.isValid ? time.toMillis() : Number.NaN;
}

/** The calendar date of a time in a zone, such as 2025-01-31. */
export function dateIn(time: Millis, zone: string): string {
  return DateTime.fromMillis(time, { zone }).toISODate() ?? '';
}

/** A calendar duration: months are months, whatever their length. */
export type CalendarDuration = Readonly<
  Partial<Record<'years' | 'months' | 'weeks' | 'days' | 'hours', number>>
>;

/** The time so much later, on the calendar of the zone; a negative `times` goes back. */
export function shift(time: Millis, duration: CalendarDuration, times: number, zone: string): Millis {
  const scaled = Object.fromEntries(Object.entries(duration).map(([unit, amount]) => [unit, amount * times]));
  return DateTime.fromMillis(time, { zone }).plus(scaled).toMillis();
}

/** Periods that `nextAfter` goes through at most: daily ones for over a century. */
const MOST_PERIODS = 50_000;

/**
 * The first of start + period, start + 2 periods … that lies after a time; NaN when the period does not go forward or is
 * too short to get there. Counted from the start, so that the 31st does not wear down to the 28th.
 */
export function nextAfter(start: Millis, every: CalendarDuration, after: Millis, zone: string): Millis {
  const one = shift(start, every, 1, zone) - start;
  if (!(one > 0)) return Number.NaN;
  // Near the place at once, and then by single steps: periods differ in length.
  let count = Math.max(1, Math.floor((after - start) / (one * 1.2)) - 2);
  for (let tried = 0; tried < MOST_PERIODS; tried++, count++) {
    const time = shift(start, every, count, zone);
    if (time > after) return time;
  }
  return Number.NaN;
}
