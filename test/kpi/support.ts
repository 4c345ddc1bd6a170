import { recordCurrencies } from '../../src/store/currencies.js';
import { insertRows } from '../../src/store/encoded-rows.js';
import { encodeGone } from '../../src/store/risk-state.js';
import type { Store } from '../../src/store/store.js';

/** What the tests of figures count other currencies by. Of CHF there is no rate. */
export const RATES = new Map([
  ['EUR', 1],
  ['USD', 0.5],
  ['JPY', 0.01],
]);

/** An empty business that is looked at at a time: as after a pass that found nobody. */
export async function emptyBusiness(store: Store, present: number): Promise<void> {
  for (const table of [
    'subscription_log',
    'outcome_log',
    'signal_log',
    'record_index',
    'accounts',
    'moved_subscriptions',
    'risk_state',
    'risk_day_log',
    'decision_event_log',
    'decision_state',
    'suppression_day_log',
  ])
    await store.command(`TRUNCATE TABLE ${table}`, {}, { settings: { max_table_size_to_drop: 0 } });
  await recordCurrencies(store, { reporting: 'EUR', rates: RATES });
  await insertRows(store, encodeGone([{ accountId: 'nobody', subscriptionId: 'nobody' }], present));
}
