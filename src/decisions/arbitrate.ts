import { DAY_MS, type Millis } from '../core/clock.js';
import { stableId } from '../core/identity.js';
import type { EventType, RuleEvent } from '../rules/event.js';
import type { Guardrail, Rule, RuleSet } from '../rules/rule-set.js';
import type { Band } from '../scoring/scorecard.js';
import type { AccountHistory } from './account-history.js';
import {
  actionKey,
  type Candidate,
  type Decision,
  type DecisionEvent,
  type Suppression,
} from './decision.js';
import { checkGuardrail, type Ruling } from './guardrail-check.js';
import { applyTo, isOpen, timerOf, wasSeen } from './lifecycle.js';
import type { Objection } from './settle.js';
import { isShared, type SharedGuardrail, type SharedLimits } from './shared-limits.js';
import { costOf, termsHash } from './terms.js';

/** A rule that fired for a subscription. */
export interface FiredRule {
  readonly rule: Rule;
  /** Its conditions as they were met, in words. */
  readonly reasons: readonly string[];
}

/** Everything that decides what is opened for one subscription. */
export interface Situation {
  readonly accountId: string;
  readonly subscriptionId: string;
  readonly asOf: Millis;
  readonly risk: number;
  readonly band: Band;
  readonly arrMinor: number | null;
  readonly arrAtRiskMinor: number | null;
  readonly currency: string;
  readonly owner: string;
  /** Highest priority first. */
  readonly fired: readonly FiredRule[];
  /** Those that apply to it, in the file's order. */
  readonly guardrails: readonly Guardrail[];
}

/** What a set of rule files says about deciding. */
export type DecisionRules = Pick<RuleSet, 'revision' | 'offers' | 'lives' | 'currencies'> & {
  readonly scoringRevision: string;
};

/** What became of everything that fired: each rule of the situation has one candidate. */
export interface Openings {
  readonly events: readonly DecisionEvent[];
  readonly suppressed: readonly Suppression[];
  readonly candidates: readonly Candidate[];
}

/** Without an answer a touchpoint is closed after this time. */
const TOUCHPOINT_VALID_DAYS = 30;

/**
 * Opens what the rules propose for one subscription. Pure: the same situation, history and limits give the same. What it
 * opens is recorded in both.
 *
 * - Rules go by priority. One that proposes what is open already changes nothing; where a guardrail suppressed a proposal, a
 *   later rule may still propose the same with a smaller discount. At most one offer is open.
 * - Guardrails of the account are asked in the file's order, then those that all accounts share, then the brake; the first
 *   that objects suppresses the proposal, with its reason. What needs a person's approval opens as `pending_approval`.
 */
export function openFor(
  situation: Situation,
  history: AccountHistory,
  limits: SharedLimits,
  rules: DecisionRules,
): Openings {
  const { subscriptionId, asOf } = situation;
  const opened: Decision[] = [];
  const suppressed: Suppression[] = [];
  const candidates: { candidate: Candidate; key: string }[] = [];
  for (const fired of situation.fired) {
    const { rule } = fired;
    const action = actionName(rule.event);
    const kind = rule.event.type;
    const key = actionKey({ kind, action });
    const ruled = (ruling: Candidate['ruling']): void => {
      candidates.push({ candidate: { rule: rule.name, kind, action, priority: rule.priority, ruling }, key });
    };
    const open = history.open(subscriptionId);
    if (open.some((decision) => actionKey(decision) === key)) {
      ruled('open_already');
      continue;
    }
    const proposal = propose(situation, fired, history, rules);
    const ruling = judge(situation, proposal, open, history, limits, rules);
    if (ruling.kind === 'suppress' || ruling.kind === 'wait') {
      suppressed.push({ rule: rule.name, kind, action, guardrail: ruling.guardrail, reason: ruling.reason });
      ruled('suppressed');
      continue;
    }
    const decision = ruling.kind === 'pass' ? proposal : waiting(proposal, ruling.guardrail);
    opened.push(decision);
    history.record(decision);
    limits.record(decision);
    ruled('opened_too');
  }
  const all = candidates.map(({ candidate }) => candidate);
  const events = opened.map((decision): DecisionEvent => {
    const chosen = actionKey(decision);
    const complete: Decision = {
      ...decision,
      suppressed,
      candidates: candidates.map(({ candidate, key }) =>
        key === chosen && candidate.ruling === 'opened_too' ? { ...candidate, ruling: 'chosen' } : candidate,
      ),
    };
    history.record(complete);
    const reason = decision.waitsFor === '' ? '' : `Waits for approval: ${decision.waitsFor}.`;
    return { event: 'opened', at: asOf, actor: 'pass', reason, causeId: '', decision: complete };
  });
  return { events, suppressed, candidates: all };
}

/** Whether a guardrail that all accounts share, or the brake, could have a say in what opens: then it waits for its turn. */
export function opensNothing(
  situation: Situation,
  history: AccountHistory,
  rules: DecisionRules,
): Openings | undefined {
  let asked = false;
  const probe: SharedLimits = {
    ask: () => {
      asked = true;
      return { kind: 'suppress', guardrail: '', reason: '' };
    },
    record: () => {},
  };
  const openings = openFor(situation, history, probe, rules);
  return asked ? undefined : openings;
}

/**
 * Brings the terms of offers that nobody has seen yet up to the ARR of now. Terms that change after an approval, or while
 * one is awaited, wait anew; terms that do not fit the shared limits any more end the decision.
 */
export function reviseTerms(
  situation: Situation,
  history: AccountHistory,
  limits: SharedLimits,
  rules: DecisionRules,
): DecisionEvent[] {
  const events: DecisionEvent[] = [];
  const { arrMinor, currency, asOf } = situation;
  if (arrMinor === null || currency === '') return events;
  for (const decision of history.open(situation.subscriptionId)) {
    if (decision.discountPct === 0 || wasSeen(decision) || !isOpen(decision)) continue;
    const costMinor = costOf(decision, arrMinor);
    if (costMinor === decision.costMinor && currency === decision.currency) continue;
    const revised = { ...decision, arrMinor, costMinor, currency };
    const ruling =
      currency === decision.currency && costMinor <= decision.costMinor
        ? ({ kind: 'pass' } as const)
        : limits.ask({
            proposal: revised,
            costKnown: true,
            guardrails: sharedOf(situation.guardrails),
            currencies: rules.currencies,
            asOf,
            opens: false,
          });
    // Until it is answered the old terms hold.
    if (ruling.kind === 'wait') continue;
    const fits = ruling.kind === 'pass';
    const waits = decision.status === 'pending_approval' || decision.approvedTerms !== '';
    const outcome = applyTo(decision, {
      event: fits ? 'revised' : 'superseded',
      at: asOf,
      actor: 'pass',
      reason: fits
        ? `It costs ${costMinor} instead of ${decision.costMinor} minor units, since the ARR changed.`
        : `Its terms changed with the ARR and do not fit any more: ${'reason' in ruling ? ruling.reason : ''}`,
      revision: {
        arrMinor,
        currency,
        costMinor,
        terms: termsHash(revised),
        ...(waits
          ? {
              status: 'pending_approval',
              statusAt: asOf,
              waitsFor: decision.waitsFor === '' ? 'changed_terms' : decision.waitsFor,
            }
          : {}),
      },
    });
    if (outcome.kind !== 'changed') continue;
    history.record(outcome.event.decision);
    limits.record(outcome.event.decision);
    events.push(outcome.event);
  }
  return events;
}

/** Why a decision may not be opened again, or `wait`: that is not known yet; undefined: it may. */
export function objectionToReopening(
  decision: Decision,
  history: AccountHistory,
  limits: SharedLimits,
  guardrails: readonly Guardrail[],
  rules: Pick<DecisionRules, 'currencies'>,
  asOf: Millis,
): Objection | 'wait' | undefined {
  const open = history.open(decision.subscriptionId);
  const same = open.find((other) => actionKey(other) === actionKey(decision));
  if (same !== undefined) return { reason: `The same ${decision.kind} is open as ${same.decisionId}.` };
  const offer = decision.kind === 'offer' ? open.find(({ kind }) => kind === 'offer') : undefined;
  if (offer !== undefined) return { reason: `The offer ${offer.action} is open; at most one is.` };
  const ruling = limits.ask({
    proposal: decision,
    costKnown: true,
    guardrails: sharedOf(guardrails),
    currencies: rules.currencies,
    asOf,
    opens: true,
  });
  if (ruling.kind === 'wait') return 'wait';
  return ruling.kind === 'suppress' ? { reason: ruling.reason } : undefined;
}

/** Decisions of which one more is open than may be: all offers but the newest, and so for each other action. */
export function supersede(history: AccountHistory, limits: SharedLimits, asOf: Millis): DecisionEvent[] {
  const kept = new Set<string>();
  const events: DecisionEvent[] = [];
  const newestFirst = history
    .open()
    .sort((a, b) => b.openedAt - a.openedAt || (a.decisionId < b.decisionId ? -1 : 1));
  for (const decision of newestFirst) {
    const place = `${decision.subscriptionId}\0${decision.kind === 'offer' ? 'offer' : actionKey(decision)}`;
    if (!kept.has(place)) {
      kept.add(place);
      continue;
    }
    const outcome = applyTo(decision, {
      event: 'superseded',
      at: asOf,
      actor: 'pass',
      reason: 'A newer decision took its place.',
    });
    if (outcome.kind !== 'changed') continue;
    history.record(outcome.event.decision);
    limits.record(outcome.event.decision);
    events.push(outcome.event);
  }
  return events;
}

function judge(
  situation: Situation,
  proposal: Decision,
  open: readonly Decision[],
  history: AccountHistory,
  limits: SharedLimits,
  rules: DecisionRules,
): Ruling {
  const offer = proposal.kind === 'offer' ? open.find(({ kind }) => kind === 'offer') : undefined;
  if (offer !== undefined)
    return {
      kind: 'suppress',
      guardrail: 'one_open_offer',
      reason: `The offer ${offer.action} is open; at most one is.`,
    };
  let approval: Ruling | undefined;
  for (const guardrail of situation.guardrails) {
    if (guardrail.kind === 'budget' || isShared(guardrail)) continue;
    const ruling = checkGuardrail(guardrail, proposal, history, situation.asOf);
    if (ruling.kind === 'suppress') return ruling;
    if (ruling.kind === 'approve') approval ??= ruling;
  }
  const shared = limits.ask({
    proposal,
    // A share of an ARR that is not known is an amount that is not known.
    costKnown: proposal.discountPct === 0 || situation.arrMinor !== null,
    guardrails: sharedOf(situation.guardrails),
    currencies: rules.currencies,
    asOf: situation.asOf,
    opens: true,
  });
  if (shared.kind === 'suppress' || shared.kind === 'wait') return shared;
  return approval ?? shared;
}

/** It opens all the same; what runs only once it is approved has no timer yet. */
function waiting(proposal: Decision, guardrail: string): Decision {
  const decision: Decision = { ...proposal, status: 'pending_approval', waitsFor: guardrail };
  return { ...decision, timerAt: timerOf(decision) };
}

function sharedOf(guardrails: readonly Guardrail[]): SharedGuardrail[] {
  return guardrails.filter(isShared);
}

function propose(
  situation: Situation,
  { rule, reasons }: FiredRule,
  history: AccountHistory,
  rules: DecisionRules,
): Decision {
  const { accountId, subscriptionId, asOf, arrMinor, currency } = situation;
  const { event } = rule;
  const kind = event.type;
  const action = actionName(event);
  const offer = event.type === 'offer' ? rules.offers.get(event.params.offer) : undefined;
  const discountPct = event.type === 'offer' ? (event.params.discount_pct ?? offer?.discount_pct ?? 0) : 0;
  const discountMonths = discountPct === 0 ? 0 : (offer?.discount_months ?? 0);
  const creditMinor = offer?.credit_minor ?? 0;
  const costMinor = costOf({ discountPct, discountMonths, creditMinor }, arrMinor);
  const ordinal = history.openings({ subscriptionId, kind, action }) + 1;
  const params = textParams(event.params);
  const life = rules.lives[kind];
  const decision: Decision = {
    accountId,
    subscriptionId,
    decisionId: stableId('decision', accountId, subscriptionId, kind, action, ordinal),
    version: 1,
    kind,
    action,
    ordinal,
    params,
    status: 'open',
    statusAt: asOf,
    openedAt: asOf,
    presentedAt: null,
    answeredAt: null,
    confirmedAt: null,
    closedAt: null,
    expiresAt: expiryOf(kind, offer?.valid_days, asOf),
    dueAt:
      event.type === 'escalation' && event.params.respond_within_hours !== undefined
        ? asOf + event.params.respond_within_hours * 3_600_000
        : null,
    overdueAt: null,
    snoozedUntil: null,
    conditionFalseSince: null,
    clearAfterDays: rule.clearAfterDays ?? life.clearAfterDays,
    keepUntil: asOf + (rule.leastDays ?? life.leastDays) * DAY_MS,
    timerAt: null,
    rule: rule.name,
    reasons,
    suppressed: [],
    priority: rule.priority,
    candidates: [],
    propensity: 1,
    risk: situation.risk,
    band: situation.band,
    arrMinor,
    arrAtRiskMinor: situation.arrAtRiskMinor,
    currency,
    owner: situation.owner,
    discountPct,
    discountMonths,
    creditMinor,
    costMinor,
    terms: termsHash({ kind, action, discountPct, discountMonths, creditMinor, costMinor, currency }),
    waitsFor: '',
    approvedTerms: '',
    rulesRevision: rules.revision,
    scoringRevision: rules.scoringRevision,
  };
  return { ...decision, timerAt: timerOf(decision) };
}

function expiryOf(kind: EventType, offerDays: number | undefined, asOf: Millis): Millis | null {
  const days = kind === 'touchpoint' ? TOUCHPOINT_VALID_DAYS : offerDays;
  return days === undefined ? null : asOf + days * DAY_MS;
}

function actionName(event: RuleEvent): string {
  return event.type === 'offer' ? event.params.offer : event.params.topic;
}

/** An event's parameters as text. What `details` holds stands under "details.", so that it can't replace a parameter. */
function textParams(params: Readonly<Record<string, unknown>>): Record<string, string> {
  const text: Record<string, string> = {};
  const put = (name: string, value: unknown): void => {
    if (value !== undefined && value !== null)
      text[name] = typeof value === 'string' ? value : JSON.stringify(value);
  };
  for (const [name, value] of Object.entries(params)) {
    if (name === 'details' && typeof value === 'object' && value !== null)
      for (const [key, detail] of Object.entries(value)) put(`details.${key}`, detail);
    else put(name, value);
  }
  return text;
}
