import { Mutex } from 'async-mutex';
import type { Store } from '../store/store.js';

const writers = new WeakMap<Store, Mutex>();

/**
 * Runs work that writes records, once no other does on this store: two batches that bring the same record would not see each
 * other's. Between processes `settleRecords` puts right what two wrote at once.
 */
export function alone<T>(store: Store, work: () => Promise<T>): Promise<T> {
  let mutex = writers.get(store);
  if (mutex === undefined) {
    mutex = new Mutex();
    writers.set(store, mutex);
  }
  return mutex.runExclusive(work);
}
