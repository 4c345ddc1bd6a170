import { expect } from 'vitest';
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

/** Stores rows given as objects: one statement, whatever their number. Types by column. */
async function insertObjects(
  store: Store,
  table: string,
  types: Readonly<Record<string, string>>,
  rows: readonly object[],
): Promise<void> {
  if (rows.length === 0) return;
  const columns = Object.entries(types);
  const values = columns.map(([name, type]) =>
    type === 'time'
      ? `fromUnixTimestamp64Milli(JSONExtract(line, '${name}', 'Nullable(Int64)'), 'UTC')`
      : `JSONExtract(line, '${name}', '${type}')`,
  );
  await store.command(
    `INSERT INTO ${table} (${columns.map(([name]) => name).join(', ')})
     SELECT ${values.join(', ')} FROM (SELECT arrayJoin({lines:Array(String)}) AS line)`,
    { lines: rows.map((row) => JSON.stringify(row)) },
  );
}

/** Stores risks as passes would have: those of the present, and with them their past. */
export async function storeRisks(store: Store, risks: readonly TestRisk[]): Promise<void> {
  const revisions = new Map<string, readonly string[]>();
  const rows = risks.map(({ features = {}, ...risk }) => {
    const names = Object.keys(features);
    const revision = `test ${names.join(' ')}`;
    revisions.set(revision, names);
    return {
      account_id: risk.accountId,
      subscription_id: risk.subscriptionId,
      as_of: risk.asOf,
      scoring_revision: revision,
      scorecard: 'default',
      risk: risk.risk ?? 50,
      renewal_probability: risk.probability,
      band: risk.band,
      coverage: 1,
      arr_minor: risk.arrMinor,
      currency: risk.currency ?? 'EUR',
      renewal: risk.renewal ?? null,
      segment: risk.segment ?? '',
      feature_values: names.map((name) => features[name] ?? 'nan'),
      contributions: names.map(() => 0),
      computed_at: risk.asOf,
      band_changed: risk.bandChanged ?? true,
      gone: false,
    };
  });
  const text = 'String';
  await insertObjects(
    store,
    'revisions',
    { kind: text, revision: text, recorded_at: 'time', features: 'Array(String)' },
    [...revisions].map(([revision, features]) => ({ kind: 'scoring', revision, recorded_at: 0, features })),
  );
  // The past of risks is made of the inserts: each time has its own, as each pass has.
  const types = {
    account_id: text,
    subscription_id: text,
    as_of: 'time',
    scoring_revision: text,
    scorecard: text,
    risk: 'Float64',
    renewal_probability: 'Nullable(Float64)',
    band: text,
    coverage: 'Float64',
    arr_minor: 'Nullable(Int64)',
    currency: text,
    renewal: 'Nullable(Date32)',
    segment: text,
    feature_values: 'Array(Float64)',
    contributions: 'Array(Float64)',
    computed_at: 'time',
    band_changed: 'Bool',
    gone: 'Bool',
  };
  await insertObjects(store, 'risk_state', types, rows);
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
  const text = 'String';
  const types = {
    account_id: text,
    subscription_id: text,
    decision_id: text,
    version: 'UInt32',
    kind: text,
    action: text,
    status: text,
    status_at: 'time',
    opened_at: 'time',
    presented_at: 'time',
    answered_at: 'time',
    closed_at: 'time',
    rule: text,
    currency: text,
    cost_minor: 'Int64',
    event: text,
    at: 'time',
  };
  await insertObjects(
    store,
    'decision_event_log',
    types,
    decisions.map((decision, index) => ({
      account_id: decision.accountId,
      subscription_id: decision.subscriptionId,
      decision_id: `d${index}`,
      version: 1,
      kind: decision.kind,
      action: decision.action,
      status: decision.status,
      status_at: decision.openedAt,
      opened_at: decision.openedAt,
      presented_at: decision.presentedAt ?? null,
      answered_at: decision.answeredAt ?? null,
      closed_at: decision.closedAt ?? null,
      rule: decision.rule,
      currency: decision.currency ?? 'EUR',
      cost_minor: decision.costMinor ?? 0,
      event: 'opened',
      at: decision.openedAt,
    })),
  );
}

export interface TestSuppression {
  readonly accountId: string;
  readonly subscriptionId: string;
  readonly rule: string;
  readonly action: string;
  readonly asOf: number;
}

/** Stores what fired and was suppressed. */
export async function storeSuppressions(
  store: Store,
  suppressions: readonly TestSuppression[],
): Promise<void> {
  const text = 'String';
  await insertObjects(
    store,
    'suppression_day_log',
    {
      account_id: text,
      subscription_id: text,
      rule: text,
      kind: text,
      action: text,
      guardrail: text,
      as_of: 'time',
      reason: text,
    },
    suppressions.map(({ accountId, subscriptionId, rule, action, asOf }) => ({
      account_id: accountId,
      subscription_id: subscriptionId,
      rule,
      kind: 'offer',
      action,
      guardrail: 'cap',
      as_of: asOf,
      reason: 'Enough.',
    })),
  );
}

export type Figures = Readonly<Record<string, string | number | boolean | null>>;

/** Equal but for the last bits: sums of fractions depend on their order. */
export function expectClose(actual: Figures | undefined, expected: Figures, what: string): void {
  for (const [name, value] of Object.entries(expected)) {
    const found = actual?.[name];
    const isClose =
      typeof value === 'number' && typeof found === 'number'
        ? Math.abs(found - value) <= 1e-9 * Math.max(1, Math.abs(value))
        : found === value;
    if (!isClose) expect.fail(`${what}: ${name} is ${found} instead of ${value}`);
  }
}
