import { LIMITS } from '../core/limits.js';
import { Fault } from './fault.js';
import { parseDate, parseTime } from './time.js';

/** Both ends included. */
export interface NumberRange {
  readonly least: number;
  readonly most: number;
}

/** The range of every number that names none. */
export const NUMBERS: NumberRange = { least: -LIMITS.number, most: LIMITS.number };

/** What the text of an attribute must be: see `kind` in scoring/signals.yaml. */
export type AttributeCheck =
  | { readonly kind: 'number'; readonly name: string; readonly range: NumberRange }
  | { readonly kind: 'time'; readonly name: string };

type Bounds = readonly [least: number | null, most: number | null];

/** The range that a file writes as [least, most], with null for no bound of its own. */
export function rangeOf(bounds: Bounds | undefined): NumberRange {
  return {
    least: Math.max(bounds?.[0] ?? NUMBERS.least, NUMBERS.least),
    most: Math.min(bounds?.[1] ?? NUMBERS.most, NUMBERS.most),
  };
}

export function attributeChecks(
  attributes: Readonly<
    Record<string, { readonly kind: 'text' | 'number' | 'time'; readonly range?: Bounds | undefined }>
  >,
): readonly AttributeCheck[] {
  return Object.entries(attributes).flatMap(([name, { kind, range }]): AttributeCheck[] => {
    if (kind === 'number') return [{ kind, name, range: rangeOf(range) }];
    return kind === 'time' ? [{ kind, name }] : [];
  });
}

/** Throws a Fault that names field, value and range unless the number lies within. */
export function checkRange(value: number, { least, most }: NumberRange, field: string): void {
  if (value >= least && value <= most) return;
  throw new Fault(
    'out_of_range',
    field,
    `\`${field}\` is ${value}: it must lie from ${least} to ${most}.`,
    String(value),
  );
}

/** Checks one attribute where it is there and not empty, and writes minus zero as 0. Throws a Fault. */
export function checkAttribute(attributes: Record<string, string>, check: AttributeCheck): void {
  const { name } = check;
  const text = Object.hasOwn(attributes, name) ? attributes[name]! : '';
  if (text === '') return;
  if (check.kind === 'time') {
    checkTime(text, name);
    return;
  }
  const number = attributeNumber(name, text);
  checkRange(number, check.range, name);
  if (number === 0) attributes[name] = '0';
}

const DECIMAL = /^[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** The number that an attribute's text is, for an attribute that the catalogue calls one. Throws a Fault. */
export function attributeNumber(key: string, text: string): number {
  const number = DECIMAL.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(number)) {
    throw new Fault(
      'bad_number',
      key,
      `\`${key}\` is a number in the signal catalogue: send a finite decimal number.`,
    );
  }
  return number + 0;
}

const MONTH = /^\d{4}-\d\d$/;

function checkTime(text: string, field: string): void {
  const time = timeOf(text);
  if (Number.isNaN(time)) {
    throw new Fault(
      'bad_time',
      field,
      `\`${field}\` is a time in the signal catalogue: send a date such as 2025-01-31, or an RFC 3339 time.`,
    );
  }
  if (time < LIMITS.earliestDate || time > LIMITS.latestDate)
    throw new Fault('bad_time', field, `\`${field}\` must lie from the year 1900 to 2299.`);
}

/** A date, a month (cards expire in one), or a time; one without a zone counts as UTC, since nothing hangs on its hours. */
function timeOf(text: string): number {
  if (text.length === 10) return parseDate(text);
  if (MONTH.test(text)) return parseDate(`${text}-01`);
  const time = parseTime(text);
  return Number.isNaN(time) ? parseTime(`${text}Z`) : time;
}
