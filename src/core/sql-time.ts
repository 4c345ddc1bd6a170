import type { Millis } from './clock.js';

/** A time as ClickHouse's DateTime64(3, 'UTC') reads it: "YYYY-MM-DD hh:mm:ss.mmm". */
export function dateTime64(time: Millis): string {
  return new Date(time).toISOString().replace('T', ' ').replace('Z', '');
}
