import { InvalidArgumentError } from 'commander';
import type { Millis } from '../core/clock.js';
import { isoTime } from '../core/iso-time.js';
import { LIMITS } from '../core/limits.js';
import { exponentOf } from '../core/money.js';

/** Arguments that several commands take, read for commander, which prints the error with the flag's name. */

export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

/** A time such as 2026-01-01 or 2026-01-01T12:00:00Z; UTC where no zone is given. */
export function time(text: string): Millis {
  const at = isoTime(text, 'utc');
  if (Number.isNaN(at))
    throw new InvalidArgumentError('It must be a time such as 2026-01-01 or 2026-01-01T12:00:00Z.');
  // The last day that the store holds stands for "until further notice".
  if (at < LIMITS.earliestDate || at >= LIMITS.latestDate)
    throw new InvalidArgumentError('It must lie from the year 1900 to 2299.');
  return at;
}

const UNITS = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;

/** A length of time such as 90m, 12h, 7d or 2w. */
export function duration(text: string): Millis {
  const [, amount, unit] = /^(\d{1,6})([mhdw])$/.exec(text) ?? [];
  if (amount === undefined || Number(amount) === 0)
    throw new InvalidArgumentError('It must be a length of time such as 90m, 12h, 7d or 2w.');
  return Number(amount) * UNITS[unit as keyof typeof UNITS];
}

/** An amount of money in major units with its currency, such as "EUR 12000" or "USD 99.50", in minor units. */
export function amount(text: string): { currency: string; minor: number } {
  const [, currency, major] = /^([A-Z]{3}) ?(\d{1,12}(?:\.\d{1,4})?)$/.exec(text) ?? [];
  const exponent = currency === undefined ? null : exponentOf(currency);
  if (currency === undefined || exponent === null)
    throw new InvalidArgumentError('It must be a currency and an amount, such as "EUR 12000".');
  return { currency, minor: Math.round(Number(major) * 10 ** exponent) };
}
