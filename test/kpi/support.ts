import { recordCurrencies } from '../../src/store/currencies.js';
import { insertRows } from '../../src/store/encoded-rows.js';
import { encodeGone } from '../../src/store/risk-rows.js';
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
  /** Whether the band differs from the one before. @default true */
  readonly bandChanged?: boolean;
}

/** Stores risks as passes would have: those of the present, and with them their past. */
export async function storeRisks(store: Store, risks: readonly TestRisk[]): Promise<void> {
  for (const [index, { features = {}, ...rest }] of risks.entries()) {
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
         arrayMap(x -> ifNull(x, nan), {values:Array(Nullable(Float64))}), arrayMap(x -> 0., {values:Array(Nullable(Float64))}), now64(3), {bandChanged:Bool}, false`,
      {
        risk: 50,
        currency: 'EUR',
        renewal: null,
        segment: '',
        bandChanged: true,
        ...rest,
        revision,
        values: Object.values(features),
      },
    );
  }
}

export interface TestDecision {
  readonly accountId: string;
  readonly subscriptionId: string;
  readonly kind: string;
  readonly action: string;
  readonly rule: string;
  readonly status: string;
  readonly openedAt: number;
  readonly presentedAt?: number;
  readonly answeredAt?: number;
  readonly closedAt?: number;
  readonly costMinor?: number;
  readonly currency?: string;
}

/** Stores decisions as they are now. */
export async function storeDecisions(store: Store, decisions: readonly TestDecision[]): Promise<void> {
  for (const [index, decision] of decisions.entries()) {
    const time = (value: number | undefined) => value ?? null;
    await store.command(
      `INSERT INTO decision_event_log (account_id, subscription_id, decision_id, version, kind, action, status, status_at, opened_at, presented_at,
         answered_at, closed_at, rule, currency, cost_minor, event, at)
       SELECT {accountId:String}, {subscriptionId:String}, {id:String}, 1, {kind:String}, {action:String}, {status:String},
         fromUnixTimestamp64Milli({openedAt:Int64}), fromUnixTimestamp64Milli({openedAt:Int64}), fromUnixTimestamp64Milli({presentedAt:Nullable(Int64)}),
         fromUnixTimestamp64Milli({answeredAt:Nullable(Int64)}), fromUnixTimestamp64Milli({closedAt:Nullable(Int64)}), {rule:String}, {currency:String},
         {costMinor:Int64}, 'opened', fromUnixTimestamp64Milli({openedAt:Int64})`,
      {
        costMinor: 0,
        currency: 'EUR',
        ...decision,
        id: `d${index}`,
        presentedAt: time(decision.presentedAt),
        answeredAt: time(decision.answeredAt),
        closedAt: time(decision.closedAt),
      },
    );
  }
}

/** Stores what fired and was suppressed. */
export async function storeSuppressions(
  store: Store,
  suppressions: readonly {
    readonly accountId: string;
    readonly subscriptionId: string;
    readonly rule: string;
    readonly action: string;
    readonly asOf: number;
  }[],
): Promise<void> {
  for (const suppression of suppressions)
    await store.command(
      `INSERT INTO suppression_day_log (account_id, subscription_id, rule, kind, action, guardrail, as_of, reason)
       SELECT {accountId:String}, {subscriptionId:String}, {rule:String}, 'offer', {action:String}, 'cap', fromUnixTimestamp64Milli({asOf:Int64}), 'Enough.'`,
      suppression,
    );
}
