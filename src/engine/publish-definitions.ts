import { recordCurrencies } from '../store/currencies.js';
import type { Store } from '../store/store.js';
import type { Definitions } from './definitions.js';

/** Brings what SQL shows of the active definitions up to date: rates. What-ifs under other definitions do not come here. */
export async function publishDefinitions(store: Store, { plan }: Definitions): Promise<void> {
  await recordCurrencies(store, plan.set.currencies);
}
