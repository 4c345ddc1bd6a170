import type { Millis } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import { LIMITS } from '../core/limits.js';

/** Checks of request fields that several calls share. Each throws `invalid_argument` and names the field. */

export function requiredId(field: string, value: string): string {
  if (value === '') {
    throw new PerennialError('invalid_argument', `\`${field}\` is missing.`, {
      hint: 'Every call needs it.',
    });
  }
  return idOrEmpty(field, value);
}

/** An id or name to filter by; empty means that it does not filter. */
export function idOrEmpty(field: string, value: string): string {
  if (Buffer.byteLength(value) > LIMITS.idBytes) {
    throw new PerennialError(
      'invalid_argument',
      `\`${field}\` is longer than ${LIMITS.idBytes} bytes, so nothing is called that.`,
    );
  }
  return value;
}

const DEFAULT_PAGE_SIZE = 100;

export function pageSizeOf(pageSize: number): number {
  if (pageSize > LIMITS.pageSize) {
    throw new PerennialError('invalid_argument', `\`page_size\` is ${pageSize}.`, {
      hint: `It may be 1 to ${LIMITS.pageSize}, or 0 for ${DEFAULT_PAGE_SIZE}; next_page_token brings the rest.`,
    });
  }
  return pageSize === 0 ? DEFAULT_PAGE_SIZE : pageSize;
}

export function timeOrNone(field: string, value: Date | undefined): Millis | undefined {
  if (value === undefined) return undefined;
  const time = value.getTime();
  // A timestamp out of range is NaN here, which fails both comparisons.
  if (time >= LIMITS.earliestTime && time <= LIMITS.latestDate) return Math.trunc(time);
  const from = new Date(LIMITS.earliestTime).toISOString();
  const to = new Date(LIMITS.latestDate).toISOString();
  throw new PerennialError('invalid_argument', `\`${field}\` is not a time from ${from} to ${to}.`);
}

/** The domain's names of enum values. `known` has no entry for UNSPECIFIED nor for numbers that the contract lacks. */
export function namesOf<Value extends number, Name>(
  field: string,
  values: readonly Value[],
  known: ReadonlyMap<Value, Name>,
): Name[] {
  const names = new Set<Name>();
  for (const value of values) {
    const name = known.get(value);
    if (name === undefined) {
      throw new PerennialError('invalid_argument', `\`${field}\` holds ${value}, which stands for nothing.`, {
        hint: 'Leave the field empty for all of them.',
      });
    }
    names.add(name);
  }
  return [...names].sort();
}
