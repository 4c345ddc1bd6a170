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

export interface TestRisk {
  readonly accountId: string;
  readonly subscriptionId: string;
  readonly asOf: number;
  readonly probability: number | null;
  readonly risk?: number;
  readonly band: string;
  readonly arrMinor: number | null;
  readonly currency?: string;
  readonly renewal?: string | null;
  readonly segment?: string;
  readonly features?: Readonly<Record<string, number | null>>;
}

/** Stores risks as passes would have: those of the present, and with them their past. */
export async function storeRisks(store: Store, risks: readonly TestRisk[]): Promise<void> {
  for (const [index, risk] of risks.entries()) {
    const features = risk.features ?? {};
    const revision = `test-${index}`;
    await store.command(
      `INSERT INTO revisions (kind, revision, recorded_at, features) SELECT 'scoring', {revision:String}, now64(3), {features:Array(String)}`,
      { revision, features: Object.keys(features) },
    );
    await store.command(
      `INSERT INTO risk_state (account_id, subscription_id, as_of, scoring_revision, scorecard, risk, renewal_probability, band, coverage, arr_minor,
         currency, renewal, segment, feature_values, contributions, computed_at, band_changed, gone)
       SELECT {accountId:String}, {subscriptionId:String}, fromUnixTimestamp64Milli({asOf:Int64}), {revision:String}, 'default', {risk:Float64},
         {probability:Nullable(Float64)}, {band:String}, 1, {arrMinor:Nullable(Int64)}, {currency:String}, {renewal:Nullable(Date32)}, {segment:String},
         arrayMap(x -> ifNull(x, nan), {values:Array(Nullable(Float64))}), arrayMap(x -> 0., {values:Array(Nullable(Float64))}), now64(3), true, false`,
      {
        risk: 50,
        currency: 'EUR',
        renewal: null,
        segment: '',
        ...risk,
        revision,
        values: Object.values(features),
      },
    );
  }
}
