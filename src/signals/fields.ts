import { DAY_MS, type Millis } from '../core/clock.js';
import { LIMITS } from '../core/limits.js';
import { exponentOf } from '../core/money.js';
import { Fault } from './fault.js';
import { checkRange, NUMBERS } from './ranges.js';
import { parseDate, parseTime } from './time.js';

/**
 * Readers of single fields, shared by signals, subscriptions and outcomes in every form: a value of unknown type goes in,
 * a checked one comes out, or a Fault is thrown. Undefined and null both mean: absent.
 */

/** Whether the text takes more bytes than that as UTF-8. Counts bytes only where the length leaves a doubt. */
export function isLonger(text: string, maxBytes: number): boolean {
  return text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes;
}

/** A text of at least one byte. */
export function requiredText(value: unknown, field: string, maxBytes: number): string {
  const text = optionalText(value, field, maxBytes);
  if (text === '')
    throw new Fault('missing_field', field, `\`${field}\` is missing or empty: every message needs it.`);
  return text;
}

/** A text; empty where absent. */
export function optionalText(value: unknown, field: string, maxBytes: number): string {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string') throw new Fault('wrong_type', field, `\`${field}\` must be a text.`);
  if (isLonger(value, maxBytes)) {
    throw new Fault('too_long', field, `\`${field}\` is longer than ${maxBytes} bytes.`);
  }
  return value;
}

/** Something to be seen: letters, digits, signs; no blanks, controls or marks of direction. */
const VISIBLE = /[^\s\p{Cc}\p{Cf}\p{Z}]/u;
/** What ends lines and texts, and steers terminals. */
const CONTROL = /[\p{Cc}\u2028\u2029]/u;

/** The id of a record, or of the account or subscription it is about, in at most `LIMITS.idBytes`. */
export function requiredId(value: unknown, field: string): string {
  return nameable(requiredText(value, field, LIMITS.idBytes), field);
}

/** The same; empty where absent. */
export function optionalId(value: unknown, field: string): string {
  const text = optionalText(value, field, LIMITS.idBytes);
  return text === '' ? text : nameable(text, field);
}

/**
 * The one rule of what an id may hold, for every door. Nobody could name what is called by blanks, nor tell two of them apart; with a
 * line end or a NUL, an id is another one wherever ids are written a line each, or two of them as one text.
 */
function nameable(text: string, field: string): string {
  if (CONTROL.test(text)) {
    throw new Fault(
      'bad_value',
      field,
      `\`${field}\` holds a control character, such as a NUL, a tab or a line end.`,
    );
  }
  if (!VISIBLE.test(text)) throw new Fault('bad_value', field, `\`${field}\` holds nothing but blanks.`);
  return text;
}

/** A finite number, or null where absent. Minus zero becomes zero. */
export function optionalNumber(value: unknown, field: string): number | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'number') throw new Fault('wrong_type', field, `\`${field}\` must be a number.`);
  if (!Number.isFinite(value)) throw new Fault('bad_number', field, `\`${field}\` must be a finite number.`);
  return value + 0;
}

/** A number from 0 to `most`, or null where absent. */
export function optionalCount(value: unknown, field: string, most: number): number | null {
  const number = optionalNumber(value, field);
  if (number !== null) checkRange(number, { least: 0, most }, field);
  return number;
}

/** Money in minor units: a whole number of at least 0, or null where absent. */
export function optionalMinor(value: unknown, field: string): number | null {
  const number = optionalCount(value, field, NUMBERS.most);
  if (number !== null && !Number.isInteger(number)) {
    throw new Fault(
      'bad_number',
      field,
      `\`${field}\` must be a whole number of minor units, such as cents.`,
    );
  }
  return number;
}

export function optionalBoolean(value: unknown, field: string): boolean | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'boolean') throw new Fault('wrong_type', field, `\`${field}\` must be true or false.`);
  return value;
}

/** An ISO 4217 code; empty where absent. */
export function optionalCurrency(value: unknown, field: string): string {
  const text = optionalText(value, field, LIMITS.idBytes);
  if (text !== '' && exponentOf(text) === null) {
    throw new Fault('bad_value', field, `\`${field}\` must be an ISO 4217 code in capitals, such as EUR.`);
  }
  return text;
}

/**
 * When something happened: an RFC 3339 text with a zone, or a Date, between the earliest time and so much after arrival: a day, for
 * clocks that are off, where nothing else is said.
 */
export function eventTime(
  value: unknown,
  field: string,
  receivedAt: Millis,
  ahead: Millis = LIMITS.futureTimeMs,
): Millis {
  if (value === undefined || value === null || value === '') {
    throw new Fault('missing_field', field, `\`${field}\` is missing: every message needs it.`);
  }
  const time = millisOf(value, field, parseTime);
  if (Number.isNaN(time)) {
    throw new Fault(
      'bad_time',
      field,
      `\`${field}\` must be an RFC 3339 time with its zone, such as 2025-01-31T09:30:00Z.`,
    );
  }
  if (time < LIMITS.earliestTime)
    throw new Fault('bad_time', field, `\`${field}\` lies before the year 2000.`);
  if (time > receivedAt + ahead) {
    const most = ahead === LIMITS.futureTimeMs ? 'a day' : `${Math.floor(ahead / (365 * DAY_MS))} years`;
    throw new Fault('bad_time', field, `\`${field}\` lies more than ${most} after the message's arrival.`);
  }
  return time;
}

/**
 * A calendar date as its midnight in UTC: "2025-01-31", or a time, of which the date counts that is written in it, whatever its
 * zone; of a Date that in UTC. Null where absent.
 */
export function optionalDate(value: unknown, field: string): Millis | null {
  if (value === undefined || value === null || value === '') return null;
  const date = dayOf(value, field);
  if (Number.isNaN(date)) {
    throw new Fault(
      'bad_time',
      field,
      `\`${field}\` must be a date such as 2025-01-31, or an RFC 3339 time.`,
    );
  }
  if (date < LIMITS.earliestDate || date > LIMITS.latestDate) {
    throw new Fault('bad_time', field, `\`${field}\` must lie from the year 1900 to 2299.`);
  }
  return date;
}

/** Refuses dates of which one can't lie before the other, such as the last and the first day of a term. */
export function inOrder(
  first: readonly [string, Millis | null],
  last: readonly [string, Millis | null],
): void {
  const [firstField, from] = first;
  const [lastField, to] = last;
  if (from === null || to === null || to >= from) return;
  throw new Fault(
    'bad_time',
    lastField,
    `\`${lastField}\` lies before \`${firstField}\`: send both dates as they are, or leave out the one that is not known.`,
  );
}

function dayOf(value: unknown, field: string): Millis {
  if (value instanceof Date) return Math.floor(value.getTime() / DAY_MS) * DAY_MS;
  return millisOf(value, field, (text) =>
    text.length === 10 || !Number.isNaN(parseTime(text)) ? parseDate(text.slice(0, 10)) : Number.NaN,
  );
}

function millisOf(value: unknown, field: string, parse: (text: string) => Millis): Millis {
  if (typeof value === 'string') return parse(value);
  if (value instanceof Date) return value.getTime();
  throw new Fault('wrong_type', field, `\`${field}\` must be a text, such as 2025-01-31T09:30:00Z.`);
}
