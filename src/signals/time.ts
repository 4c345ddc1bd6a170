import type { Millis } from '../core/clock.js';

const RFC3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,18})?(?:[Zz]|[+-]\d\d:\d\d)$/;
const DATE = /^\d{4}-\d\d-\d\d$/;
const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

/**
 * An RFC 3339 time with its zone, such as "2025-01-31T09:30:00.250+01:00", as milliseconds; finer fractions are cut off.
 * NaN for anything else. Stricter than Date.parse, which takes "1" for the year 2001 and rolls 30 February over.
 */
export function parseTime(text: string): Millis {
  if (!RFC3339.test(text)) return Number.NaN;
  const day = dayAt(text);
  const hour = two(text, 11);
  const minute = two(text, 14);
  const second = two(text, 17);
  if (hour > 23 || minute > 59 || second > 59) return Number.NaN;
  let end = 19;
  let fraction = 0;
  if (text.charCodeAt(end) === DOT) {
    let scale = 100;
    for (end++; isDigit(text.charCodeAt(end)); end++) {
      fraction += digit(text, end) * scale;
      scale = scale === 1 ? 0 : scale / 10;
    }
  }
  return day + hour * 3_600_000 + minute * 60_000 + second * 1_000 + fraction - offsetAt(text, end);
}

/** A calendar date such as "2025-01-31", as its midnight in UTC. NaN for anything else. */
export function parseDate(text: string): Millis {
  return DATE.test(text) ? dayAt(text) : Number.NaN;
}

const DOT = '.'.charCodeAt(0);
const MINUS = '-'.charCodeAt(0);
const ZERO = '0'.charCodeAt(0);

function digit(text: string, at: number): number {
  return text.charCodeAt(at) - ZERO;
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= ZERO + 9;
}

function two(text: string, at: number): number {
  return digit(text, at) * 10 + digit(text, at + 1);
}

/** Midnight of the date that the text starts with; NaN when the calendar has no such day. */
function dayAt(text: string): Millis {
  const year = two(text, 0) * 100 + two(text, 2);
  const month = two(text, 5);
  const day = two(text, 8);
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const length = (DAYS[month - 1] ?? 0) + (leap ? 1 : 0);
  if (day < 1 || day > length || year < 1000) return Number.NaN;
  return Date.UTC(year, month - 1, day);
}

/** Milliseconds that the zone at this place is ahead of UTC; NaN when there is no such zone. */
function offsetAt(text: string, at: number): number {
  if (text.length === at + 1) return 0;
  const hours = two(text, at + 1);
  const minutes = two(text, at + 4);
  if (hours > 23 || minutes > 59) return Number.NaN;
  const offset = (hours * 60 + minutes) * 60_000;
  return text.charCodeAt(at) === MINUS ? -offset : offset;
}
