import type { Batch } from '../columns/batch.js';
import { Bitset } from '../columns/bitset.js';
import type { Column, NumberColumn } from '../columns/column.js';
import { textReader } from '../columns/text-reader.js';
import { DAY_MS, type Millis } from '../core/clock.js';
import type { Decision } from '../decisions/decision.js';
import type { Scores } from '../scoring/evaluate.js';
import type { RiskOverride } from '../scoring/override.js';
import { BANDS } from '../scoring/scorecard.js';
import { CATEGORIES } from '../signals/signal.js';
import { type ActionFacts, type Overrides, PREVIOUS_RISK_DAYS, type PreviousRisks } from './past.js';

/** (1 - renewal_probability) * ARR in minor units, rounded; not known where either is not. */
export function arrAtRisk(batch: Batch, scores: Scores): NumberColumn {
  const arr = batch.column('arr_minor') as NumberColumn;
  const { values: renews, valid: probabilityKnown } = scores.renewalProbability;
  const values = new Float64Array(batch.length);
  for (let row = 0; row < values.length; row++)
    values[row] = Math.round((1 - renews[row]!) * arr.values[row]!);
  const valid = (probabilityKnown ?? Bitset.full(batch.length)).clone();
  if (arr.valid !== null) valid.and(arr.valid);
  return { kind: 'number', values, valid };
}

/** Where the risks before this one are; -1: there is none. */
export function previousPlaces(batch: Batch, risks: PreviousRisks): Int32Array {
  const account = textReader(batch, 'account_id');
  const subscription = textReader(batch, 'subscription_id');
  const places = new Int32Array(batch.length);
  for (let row = 0; row < places.length; row++) places[row] = risks.placeOf(account(row), subscription(row));
  return places;
}

/** What people said that the risks of rows are. */
export function overridesByRow(batch: Batch, overrides: Overrides): ReadonlyMap<number, RiskOverride> {
  const byRow = new Map<number, RiskOverride>();
  if (overrides.size === 0) return byRow;
  const account = textReader(batch, 'account_id');
  const subscription = textReader(batch, 'subscription_id');
  for (let row = 0; row < batch.length; row++) {
    const override = overrides.of(account(row), subscription(row));
    if (override !== undefined) byRow.set(row, override);
  }
  return byRow;
}

/** Adds the risk and band before this one, of the last 30 days. */
export function withPreviousRisk(
  batch: Batch,
  risks: PreviousRisks,
  places: Int32Array,
  asOf: Millis,
): Batch {
  const values = new Float64Array(batch.length);
  const codes = new Int32Array(batch.length);
  const valid = new Bitset(batch.length);
  const known = new Bitset(batch.length);
  for (let row = 0; row < batch.length; row++) {
    if (places[row]! < 0) continue;
    const previous = risks.at(places[row]!);
    if (asOf - previous.asOf > PREVIOUS_RISK_DAYS * DAY_MS) continue;
    valid.add(row);
    codes[row] = BANDS.indexOf(previous.band);
    if (previous.risk === null) continue;
    known.add(row);
    values[row] = previous.risk;
  }
  return batch.with([
    ['previous_risk', { kind: 'number', values, valid: known }],
    ['previous_band', { kind: 'string', codes, dictionary: BANDS, valid }],
  ]);
}

/** Adds what rules may ask beside features and the risk before: the scores, and what was decided so far. */
export function withScoresAndDecisions(
  batch: Batch,
  scores: Scores,
  atRisk: NumberColumn,
  decisions: DecisionFacts,
  asOf: Millis,
): Batch {
  const all = (values: Float64Array): NumberColumn => ({ kind: 'number', values, valid: null });
  const previous = batch.column('previous_risk') as NumberColumn;
  const change = new Float64Array(batch.length);
  for (let row = 0; row < change.length; row++)
    change[row] = scores.risk.values[row]! - previous.values[row]!;
  const comparable = scores.risk.valid!.clone();
  if (previous.valid !== null) comparable.and(previous.valid);
  const added: [string, Column][] = [
    ['risk', scores.risk],
    ['renewal_probability', scores.renewalProbability],
    ['coverage', all(scores.coverage)],
    ['band', { kind: 'string', codes: Int32Array.from(scores.band), dictionary: BANDS, valid: null }],
    ...CATEGORIES.map((category): [string, Column] => [`risk_${category}`, scores.categoryRisk[category]]),
    ['risk_disagreement', scores.disagreement],
    ['arr_at_risk_minor', atRisk],
    ['risk_change', { kind: 'number', values: change, valid: comparable }],
    ...decisions.columns(batch, asOf),
  ];
  return batch.with(added);
}

/** What rules may ask of the decisions about a subscription. */
interface SubscriptionFacts {
  hasOpenOffer: boolean;
  lastOfferAt: Millis | null;
  offersLastYear: number;
  lastTouchpointAt: Millis | null;
}

/** The decisions of many subscriptions as facts. */
export class DecisionFacts {
  /** By account and subscription. */
  readonly #facts = new Map<string, Map<string, SubscriptionFacts>>();

  constructor(actions: Iterable<ActionFacts>, open: Iterable<Decision>) {
    for (const { accountId, subscriptionId, kind, openedAt, openedLastYear } of actions) {
      const facts = this.#of(accountId, subscriptionId);
      if (kind === 'offer') {
        facts.lastOfferAt = Math.max(facts.lastOfferAt ?? 0, openedAt);
        facts.offersLastYear += openedLastYear;
      } else if (kind === 'touchpoint') {
        facts.lastTouchpointAt = Math.max(facts.lastTouchpointAt ?? 0, openedAt);
      }
    }
    for (const { accountId, subscriptionId, kind, closedAt } of open)
      if (kind === 'offer' && closedAt === null) this.#of(accountId, subscriptionId).hasOpenOffer = true;
  }

  /** For each row of a batch with the columns account_id and subscription_id. */
  columns(batch: Batch, asOf: Millis): [string, Column][] {
    const rows = batch.length;
    const hasOpenOffer = new Bitset(rows);
    const offers = new Float64Array(rows);
    const lastOffer = { values: new Float64Array(rows), valid: new Bitset(rows) };
    const lastTouchpoint = { values: new Float64Array(rows), valid: new Bitset(rows) };
    const since = ({ values, valid }: typeof lastOffer, row: number, at: Millis | null): void => {
      if (at === null) return;
      values[row] = Math.max(0, asOf - at) / DAY_MS;
      valid.add(row);
    };
    if (this.#facts.size > 0) {
      const account = textReader(batch, 'account_id');
      const subscription = textReader(batch, 'subscription_id');
      for (let row = 0; row < rows; row++) {
        const facts = this.#facts.get(account(row))?.get(subscription(row));
        if (facts === undefined) continue;
        if (facts.hasOpenOffer) hasOpenOffer.add(row);
        offers[row] = facts.offersLastYear;
        since(lastOffer, row, facts.lastOfferAt);
        since(lastTouchpoint, row, facts.lastTouchpointAt);
      }
    }
    return [
      ['has_open_offer', { kind: 'boolean', values: hasOpenOffer, valid: null }],
      ['days_since_last_offer', { kind: 'number', ...lastOffer }],
      ['offers_last_365d', { kind: 'number', values: offers, valid: null }],
      ['days_since_last_touchpoint', { kind: 'number', ...lastTouchpoint }],
    ];
  }

  #of(accountId: string, subscriptionId: string): SubscriptionFacts {
    let account = this.#facts.get(accountId);
    if (account === undefined) {
      account = new Map();
      this.#facts.set(accountId, account);
    }
    let facts = account.get(subscriptionId);
    if (facts === undefined) {
      facts = { hasOpenOffer: false, lastOfferAt: null, offersLastYear: 0, lastTouchpointAt: null };
      account.set(subscriptionId, facts);
    }
    return facts;
  }
}
