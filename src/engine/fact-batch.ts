import type { Batch } from '../columns/batch.js';
import { Bitset } from '../columns/bitset.js';
import type { Column, NumberColumn } from '../columns/column.js';
import { textReader } from '../columns/text-reader.js';
import { DAY_MS, type Millis } from '../core/clock.js';
import { subscriptionKey } from '../core/identity.js';
import type { Decision } from '../decisions/decision.js';
import type { Scores } from '../scoring/evaluate.js';
import { BANDS } from '../scoring/scorecard.js';
import { CATEGORIES } from '../signals/signal.js';
import { type ActionFacts, type PastPage, PREVIOUS_RISK_DAYS } from './past.js';

/** (1 - renewal_probability) * ARR in minor units, rounded; not known where either is not. */
export function arrAtRisk(batch: Batch, scores: Scores): NumberColumn {
  const arr = batch.column('arr_minor') as NumberColumn;
  const { values: renews, valid: probabilityKnown } = scores.renewalProbability;
  const values = arr.values.map((minor, row) => Math.round((1 - renews[row]!) * minor));
  const valid = (probabilityKnown ?? Bitset.full(batch.length)).clone();
  if (arr.valid !== null) valid.and(arr.valid);
  return { kind: 'number', values, valid };
}

/** The subscriptions of the rows of a batch. */
export function keysOf(batch: Batch): string[] {
  const account = textReader(batch, 'account_id');
  const subscription = textReader(batch, 'subscription_id');
  return Array.from({ length: batch.length }, (_, row) => subscriptionKey(account(row), subscription(row)));
}

/** Adds the risk and band before this one, of the last 30 days. */
export function withPreviousRisk(batch: Batch, keys: readonly string[], past: PastPage, asOf: Millis): Batch {
  const values = new Float64Array(batch.length);
  const codes = new Int32Array(batch.length);
  const valid = new Bitset(batch.length);
  const known = new Bitset(batch.length);
  for (let row = 0; row < batch.length; row++) {
    const previous = past.previousRisk(keys[row]!);
    if (previous === undefined || asOf - previous.asOf > PREVIOUS_RISK_DAYS * DAY_MS) continue;
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
  keys: readonly string[],
  asOf: Millis,
): Batch {
  const all = (values: Float64Array): NumberColumn => ({ kind: 'number', values, valid: null });
  const previous = batch.column('previous_risk') as NumberColumn;
  const change = scores.risk.values.map((risk, row) => risk - previous.values[row]!);
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
    ...decisions.columns(keys, asOf),
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
  readonly #facts = new Map<string, SubscriptionFacts>();

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

  /** `keys`: the subscriptions of the rows. */
  columns(keys: readonly string[], asOf: Millis): [string, Column][] {
    const rows = keys.length;
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
      for (let row = 0; row < rows; row++) {
        const facts = this.#facts.get(keys[row]!);
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
    const key = subscriptionKey(accountId, subscriptionId);
    let facts = this.#facts.get(key);
    if (facts === undefined) {
      facts = { hasOpenOffer: false, lastOfferAt: null, offersLastYear: 0, lastTouchpointAt: null };
      this.#facts.set(key, facts);
    }
    return facts;
  }
}
