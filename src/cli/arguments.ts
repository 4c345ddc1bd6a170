import { InvalidArgumentError } from 'commander';
import { DateTime } from 'luxon';
import type { Millis } from '../core/clock.js';

/** Arguments that several commands take, read for commander, which prints the error with the flag's name. */

export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

/** A time such as 2026-01-01 or 2026-01-01T12:00:00Z; UTC where no zone is given. */
export function time(text: string): Millis {
  const parsed = DateTime.fromISO(text, { zone: 'utc' });
  if (!parsed.isValid)
    throw new InvalidArgumentError('It must be a time such as 2026-01-01 or 2026-01-01T12:00:00Z.');
  return parsed.toMillis();
}
