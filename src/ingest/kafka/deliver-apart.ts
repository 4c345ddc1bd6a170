import { PerennialError } from '../../core/errors.js';

/** One that can't be delivered, though others can. */
export interface Culprit<T> {
  readonly item: T;
  readonly error: PerennialError;
}

/**
 * Delivers a batch, and when one of its items is at fault, all others: the batch is halved until the culprit is alone. Throws when
 * the error is not one that an item can cause, or when no item at all can be delivered: then it is not theirs.
 */
export async function deliverApart<T>(
  items: readonly T[],
  deliver: (items: readonly T[]) => Promise<void>,
): Promise<readonly Culprit<T>[]> {
  const culprits = await halved(items, deliver);
  if (items.length > 1 && culprits.length === items.length) throw culprits[0]!.error;
  return culprits;
}

async function halved<T>(
  items: readonly T[],
  deliver: (items: readonly T[]) => Promise<void>,
): Promise<readonly Culprit<T>[]> {
  try {
    await deliver(items);
    return [];
  } catch (thrown) {
    const error = PerennialError.from(thrown);
    if (!isOfItems(error)) throw error;
    if (items.length === 1) return [{ item: items[0]!, error }];
  }
  const middle = Math.ceil(items.length / 2);
  return [
    ...(await halved(items.slice(0, middle), deliver)),
    ...(await halved(items.slice(middle), deliver)),
  ];
}

/**
 * ClickHouse's codes for values that it can't take: can't be parsed or converted, out of range, too large, no data where some was
 * announced. A missing table or column is none of them: then no item would be taken.
 */
const VALUES = new Set([
  ...['6', '25', '26', '27', '32', '33', '38', '41', '53', '69', '70', '72', '117', '131'],
  ...['321', '349', '407', '441', '467'],
]);

function isOfItems({ code, cause }: PerennialError): boolean {
  if (code === 'limit_exceeded') return true;
  if (code !== 'internal' || !(cause instanceof Error)) return false;
  const { code: ofStore } = cause as { code?: unknown };
  if (typeof ofStore === 'string' && /^\d+$/.test(ofStore)) return VALUES.has(ofStore);
  // Thrown by our own code, on its way to the store.
  return cause instanceof TypeError || cause instanceof RangeError;
}
