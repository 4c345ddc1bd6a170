import type { Batch } from './batch.js';
import { compareTexts } from './text-order.js';
import { textReader } from './text-reader.js';

/**
 * Finds rows by account and subscription in batches that are in this order. Whoever asks in the same order finds each next to the one before,
 * at the cost of comparing two texts: no text is made or hashed for a row.
 */
export class RowFinder {
  readonly length: number;
  readonly #accounts: string[] = [];
  readonly #subscriptions: string[] = [];
  #next = 0;

  /** Throws a RangeError when the rows are in another order, or one is there twice. */
  constructor(batches: readonly Batch[]) {
    for (const batch of batches) {
      const account = textReader(batch, 'account_id');
      const subscription = textReader(batch, 'subscription_id');
      for (let row = 0; row < batch.length; row++) {
        this.#accounts.push(account(row));
        this.#subscriptions.push(subscription(row));
        const last = this.#accounts.length - 1;
        if (last > 0 && this.#compare(last - 1, account(row), subscription(row)) >= 0)
          throw new RangeError('rows of subscriptions are not in their order');
      }
    }
    this.length = this.#accounts.length;
  }

  /** Place over all batches; -1: there is none. */
  placeOf(accountId: string, subscriptionId: string): number {
    const next = this.#next < this.length ? this.#next : 0;
    if (this.#accounts[next] === accountId && this.#subscriptions[next] === subscriptionId) {
      this.#next = next + 1;
      return next;
    }
    let [low, high] = [0, this.length - 1];
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const order = this.#compare(middle, accountId, subscriptionId);
      if (order === 0) {
        this.#next = middle + 1;
        return middle;
      }
      if (order < 0) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  accountAt(place: number): string {
    return this.#accounts[place]!;
  }

  subscriptionAt(place: number): string {
    return this.#subscriptions[place]!;
  }

  #compare(place: number, accountId: string, subscriptionId: string): number {
    return (
      compareTexts(this.#accounts[place]!, accountId) ||
      compareTexts(this.#subscriptions[place]!, subscriptionId)
    );
  }
}
