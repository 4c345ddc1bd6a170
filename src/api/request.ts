import type { Timestamp } from '@bufbuild/protobuf/wkt';
import type { Millis } from '../core/clock.js';
import { LIMITS } from '../core/limits.js';
import { invalidFields } from './validate.js';

/** Readers of request fields that several calls share. Each throws `invalid_argument` and names the field. */

const DEFAULT_PAGE_SIZE = 100;

/** As AIP-158 has it: 0 is ours to choose, and more than the most is the most. */
export function pageSizeOf(pageSize: number): number {
  return pageSize === 0 ? DEFAULT_PAGE_SIZE : Math.min(pageSize, LIMITS.pageSize);
}

/** A time in whole milliseconds; what is finer is cut off. */
export function timeOrNone(field: string, value: Timestamp | undefined): Millis | undefined {
  if (value === undefined) return undefined;
  const time = Number(value.seconds) * 1_000 + Math.floor(value.nanos / 1_000_000);
  const sound = value.nanos >= 0 && value.nanos < 1_000_000_000;
  if (sound && time >= LIMITS.earliestTime && time <= LIMITS.latestDate) return time;
  const from = new Date(LIMITS.earliestTime).toISOString();
  const to = new Date(LIMITS.latestDate).toISOString();
  throw invalidFields([{ field, description: `is not a time from ${from} to ${to}` }]);
}

/** The domain's names of enum values that the contract has checked, each once. */
export function namesOf<Value extends number, Name>(
  field: string,
  values: readonly Value[],
  known: ReadonlyMap<Value, Name>,
): Name[] {
  const names = new Set<Name>();
  for (const value of values) {
    const name = known.get(value);
    if (name === undefined)
      throw invalidFields([{ field, description: `holds ${value}, which stands for nothing` }]);
    names.add(name);
  }
  return [...names].sort();
}

/** `order_by` as AIP-132 writes it, whatever its spaces, as one of the orders that a list has. Empty: the first of them. */
export function orderOf<Order extends string>(orders: readonly Order[], text: string): Order {
  const words = text.trim().replace(/\s+/g, ' ').replace(/ asc$/, '');
  const order = orders.find((known) => known === (words === '' ? orders[0] : words));
  if (order !== undefined) return order;
  throw invalidFields(
    [{ field: 'order_by', description: `"${text}" is no order of this list` }],
    `There is ${orders.join(', ')}.`,
  );
}
