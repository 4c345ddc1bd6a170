import { DateTime } from 'luxon';
import type { Millis } from './clock.js';

/** An ISO 8601 date or time, in the zone where it names none. NaN for what no calendar has, and for an offset that no zone has: luxon takes +99:00. */
export function isoTime(text: string, zone: string): Millis {
  const time = DateTime.fromISO(text, { zone, setZone: true });
  return time.isValid && Math.abs(time.offset) < 24 * 60 ? time.toMillis() : Number.NaN;
}
