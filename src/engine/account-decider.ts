import type { Batch } from '../columns/batch.js';
import { type Value, valueAt } from '../columns/column.js';
import type { Millis } from '../core/clock.js';
import { groupBy } from '../core/group-by.js';
import { convertMinor } from '../core/money.js';
import type { AccountHistory } from '../decisions/account-history.js';
import type { Answer } from '../decisions/answer.js';
import { type Openings, openFor, opensNothing, slotOf, supersede } from '../decisions/arbitrate.js';
import { actionKey, type Decision, type DecisionEvent } from '../decisions/decision.js';
import { wasSeen } from '../decisions/lifecycle.js';
import { actionOf } from '../decisions/proposal.js';
import { objectionToReopening } from '../decisions/reopening.js';
import type { Restoration } from '../decisions/restoration.js';
import { reviseTerms, termsChange } from '../decisions/revise-terms.js';
import { type ConditionState, type Settled, settle } from '../decisions/settle.js';
import type { SharedLimits } from '../decisions/shared-limits.js';
import type { DecisionRules, FiredRule, Situation } from '../decisions/situation.js';
import type { Evaluation } from '../rules/evaluation.js';
import type { Rule } from '../rules/rule-set.js';
import { BANDS } from '../scoring/scorecard.js';
import type { SuppressionRow } from '../store/decision-log.js';
import type { Definitions } from './definitions.js';
import { ReasonFacts } from './reason-facts.js';
import type { ScoredSlice } from './score-slice.js';
import type { StateOf } from './staying-conditions.js';

/** Where a subscription stands in a scored slice, and what fired there. */
export interface Place {
  readonly subscriptionId: string;
  readonly slice: ScoredSlice;
  readonly evaluation: Evaluation;
  readonly row: number;
}

/** A subscription whose turn comes once everything is settled. */
export interface Queued {
  readonly situation: Situation;
  readonly history: AccountHistory;
  /** ARR at risk in the reporting currency; -1: not known. */
  readonly urgency: number;
}

/** One that may open something. */
export interface Waiting extends Queued {
  /** What the reasons are made of, and the row of the slice. */
  readonly reasons: ReasonFacts;
  readonly row: number;
}

/** What the account's own guardrails leave: what is suppressed for good, or what waits for the end of the pass. */
export interface OwnOpenings {
  readonly waiting: readonly Waiting[];
  readonly suppressed: readonly SuppressionRow[];
}

/** Decides for one account after another within a pass: first what closes, later what opens. */
export class AccountDecider {
  readonly #definitions: Definitions;
  readonly #limits: SharedLimits;
  readonly #asOf: Millis;
  readonly #rules: DecisionRules;
  /** By the facts of a slice. */
  readonly #reasons = new WeakMap<Batch, ReasonFacts>();

  constructor(definitions: Definitions, limits: SharedLimits, asOf: Millis) {
    this.#definitions = definitions;
    this.#limits = limits;
    this.#asOf = asOf;
    const { revision, offers, lives, currencies } = definitions.plan.set;
    this.#rules = { revision, offers, lives, currencies, scoringRevision: definitions.scoring.revision };
  }

  /**
   * Whether nothing can happen to an account: nothing is due, no condition changed, no terms change, and what fires is open
   * already. Most accounts are like that in most passes, so that their history need not be looked at.
   */
  isQuiet(decisions: readonly Decision[], places: readonly Place[], stateOf: StateOf): boolean {
    if (decisions.length === 0) return !places.some((place) => mayOpen(place, []));
    const byId = new Map(places.map((place) => [place.subscriptionId, place]));
    const taken = new Set<string>();
    for (const decision of decisions) {
      const place = byId.get(decision.subscriptionId);
      if (place === undefined || decision.closedAt !== null) return false;
      if (decision.timerAt !== null && decision.timerAt <= this.#asOf) return false;
      const state = stateOf(decision, place.slice.facts, place.row);
      if (state === 'holds' && decision.conditionFalseSince !== null) return false;
      if (state === 'false' && decision.conditionFalseSince === null && decision.status !== 'presented')
        return false;
      if (decision.discountPct > 0 && !wasSeen(decision)) return false;
      const slot = slotOf(decision);
      if (taken.has(slot)) return false;
      taken.add(slot);
    }
    // By subscription at once: there are accounts with thousands.
    const open = groupBy(decisions, ({ subscriptionId }) => subscriptionId);
    return !places.some((place) => mayOpen(place, open.get(place.subscriptionId) ?? []));
  }

  /** Closes what answers, time and conditions close. */
  settle(
    history: AccountHistory,
    answers: readonly Answer[],
    restorations: ReadonlyMap<string, Restoration>,
    places: readonly Place[],
    stateOf: StateOf,
  ): Settled {
    const byId = new Map(places.map((place) => [place.subscriptionId, place]));
    const stateNow = (decision: Decision): ConditionState => {
      const place = byId.get(decision.subscriptionId);
      return place === undefined ? 'ended' : stateOf(decision, place.slice.facts, place.row);
    };
    const mayReopen = (decision: Decision): ReturnType<typeof objectionToReopening> => {
      const place = byId.get(decision.subscriptionId);
      const guardrails = place === undefined ? [] : place.evaluation.guardrailsOf(place.row);
      return objectionToReopening(decision, history, this.#limits, guardrails, this.#rules, this.#asOf);
    };
    const settled = settle(history, this.#limits, answers, this.#asOf, stateNow, mayReopen, restorations);
    return { ...settled, events: [...settled.events, ...supersede(history, this.#limits, this.#asOf)] };
  }

  /**
   * What guardrails of the account alone suppress is settled at once. As soon as one of its subscriptions could open something,
   * all of them wait for the end of the pass: what all accounts share, the brake included, goes to the most urgent first.
   */
  openOwn(history: AccountHistory, places: readonly Place[]): OwnOpenings {
    const waiting = places
      .filter((place) => mayOpen(place, history.open(place.subscriptionId)))
      .map((place) => this.#waiting(place, history))
      .sort(byUrgency);
    const suppressed: SuppressionRow[] = [];
    for (const { situation } of waiting) {
      const openings = opensNothing(situation, history, this.#rules);
      if (openings === undefined) return { waiting, suppressed: [] };
      suppressed.push(...this.suppressionsOf(situation, openings));
    }
    return { waiting: [], suppressed };
  }

  /** Whose terms are to be revised: at the end of the pass, as they may ask for more of what all accounts share. */
  toRevise(history: AccountHistory, places: readonly Place[]): readonly Queued[] {
    return places
      .filter((place) => history.open(place.subscriptionId).some(({ discountPct }) => discountPct > 0))
      .map((place) => this.#queued(place, history, []))
      .filter(({ situation }) => termsChange(situation, history));
  }

  /** Revises terms that waited for their turn. */
  revise({ situation, history }: Queued): DecisionEvent[] {
    return reviseTerms(situation, history, this.#limits, this.#rules);
  }

  /** Opens what waited for its turn. */
  open({ situation, history }: Waiting): Openings {
    return openFor(situation, history, this.#limits, this.#rules);
  }

  suppressionsOf({ accountId, subscriptionId, asOf }: Situation, { suppressed }: Openings): SuppressionRow[] {
    const rulesRevision = this.#rules.revision;
    return suppressed.map((one) => ({ ...one, accountId, subscriptionId, asOf, rulesRevision }));
  }

  #waiting(place: Place, history: AccountHistory): Waiting {
    const { evaluation, row } = place;
    const reasons = this.#reasonsOf(place);
    const fired = evaluation.rulesOf(row).map((rule) => new Fired(rule, reasons, row));
    return { ...this.#queued(place, history, fired), reasons, row };
  }

  #queued(place: Place, history: AccountHistory, fired: Situation['fired']): Queued {
    const situation = this.#situation(place, fired);
    return { situation, history, urgency: this.#urgencyOf(situation) };
  }

  #urgencyOf({ arrAtRiskMinor, currency }: Situation): number {
    if (arrAtRiskMinor === null) return -1;
    const { reporting, rates } = this.#rules.currencies;
    return convertMinor(arrAtRiskMinor, currency, reporting, rates) ?? arrAtRiskMinor;
  }

  #reasonsOf({ slice: { facts } }: Place): ReasonFacts {
    let reasons = this.#reasons.get(facts);
    if (reasons === undefined) {
      reasons = new ReasonFacts(this.#definitions.plan, facts);
      this.#reasons.set(facts, reasons);
    }
    return reasons;
  }

  #situation({ subscriptionId, slice, evaluation, row }: Place, fired: Situation['fired']): Situation {
    const { facts, scored } = slice;
    const value = (name: string): Value => valueAt(facts.column(name), row);
    return {
      accountId: value('account_id') as string,
      subscriptionId,
      asOf: this.#asOf,
      risk: value('risk') as number | null,
      band: BANDS[scored.scores.band[row]!]!,
      arrMinor: value('arr_minor') as number | null,
      arrAtRiskMinor: value('arr_at_risk_minor') as number | null,
      currency: (value('currency') as string | null) ?? '',
      owner: (value('owner') as string | null) ?? '',
      fired,
      guardrails: evaluation.guardrailsOf(row),
    };
  }
}

/** A class, since a pass holds one for each rule that fired: object literals with a getter took 400 bytes each. */
class Fired implements FiredRule {
  readonly rule: Rule;
  readonly #reasons: ReasonFacts;
  readonly #row: number;

  constructor(rule: Rule, reasons: ReasonFacts, row: number) {
    this.rule = rule;
    this.#reasons = reasons;
    this.#row = row;
  }

  get reasons(): readonly string[] {
    return this.#reasons.of(this.rule, this.#row);
  }
}

/** The most ARR at risk first; then by account and subscription. */
export function byUrgency(a: Queued, b: Queued): number {
  return (
    b.urgency - a.urgency ||
    compare(a.situation.accountId, b.situation.accountId) ||
    compare(a.situation.subscriptionId, b.situation.subscriptionId)
  );
}

/** Whether a rule fired that proposes something that is not open. `open`: the open decisions of the subscription. */
function mayOpen({ evaluation, row }: Place, open: readonly Decision[]): boolean {
  const fired = evaluation.rulesOf(row);
  if (fired.length === 0 || open.length === 0) return fired.length > 0;
  const keys = new Set(open.map(actionKey));
  return fired.some(({ event }) => !keys.has(actionKey({ kind: event.type, action: actionOf(event) })));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
