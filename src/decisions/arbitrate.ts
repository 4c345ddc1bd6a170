import type { Millis } from '../core/clock.js';
import type { Rule } from '../rules/rule-set.js';
import type { AccountHistory } from './account-history.js';
import {
  actionKey,
  type Candidate,
  type Decision,
  type DecisionEvent,
  type Suppression,
} from './decision.js';
import { checkGuardrail, type Ruling } from './guardrail-check.js';
import { applyTo, timerOf } from './lifecycle.js';
import { actionOf, discountOf, proposalOf } from './proposal.js';
import { isShared, type SharedLimits } from './shared-limits.js';
import type { DecisionRules, Situation } from './situation.js';

/** What became of everything that fired: each rule of the situation has one candidate. */
export interface Openings {
  readonly events: readonly DecisionEvent[];
  readonly suppressed: readonly Suppression[];
  readonly candidates: readonly Candidate[];
}

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
  const { asOf } = situation;
  const opened: Decision[] = [];
  const suppressed: Suppression[] = [];
  const candidates: { candidate: Candidate; key: string }[] = [];
  for (const fired of situation.fired) {
    const { rule } = fired;
    const key = keyOf(rule);
    const ruled = (ruling: Candidate['ruling']): void => {
      candidates.push({ candidate: candidateOf(rule, ruling), key });
    };
    const own = ownRuling(situation, rule, history, rules);
    if (own === 'open_already') {
      ruled('open_already');
      continue;
    }
    if (own.kind === 'suppress' || own.kind === 'wait') {
      suppressed.push(suppressionOf(rule, own));
      ruled('suppressed');
      continue;
    }
    const proposal = proposalOf(situation, rule, history, rules);
    const shared = askLimits(situation, proposal, limits, rules);
    if (shared.kind === 'suppress' || shared.kind === 'wait') {
      suppressed.push(suppressionOf(rule, shared));
      ruled('suppressed');
      continue;
    }
    const ruling = own.kind === 'approve' ? own : shared;
    const explained: Decision = { ...proposal, reasons: fired.reasons };
    const decision = ruling.kind === 'pass' ? explained : waiting(explained, ruling.guardrail);
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

/**
 * What becomes of it where the account alone suppresses everything that is not open already. Undefined: something is left, of which
 * guardrails that all accounts share and the brake may have a say, and that waits for its turn.
 */
export function opensNothing(
  situation: Situation,
  history: AccountHistory,
  rules: DecisionRules,
): Openings | undefined {
  const suppressed: Suppression[] = [];
  const candidates: Candidate[] = [];
  for (const { rule } of situation.fired) {
    const own = ownRuling(situation, rule, history, rules);
    if (own !== 'open_already' && own.kind !== 'suppress') return undefined;
    if (own !== 'open_already') suppressed.push(suppressionOf(rule, own));
    candidates.push(candidateOf(rule, own === 'open_already' ? own : 'suppressed'));
  }
  return { events: [], suppressed, candidates };
}

/** Decisions of which one more is open than may be: all offers but the newest, and so for each other action. */
export function supersede(history: AccountHistory, limits: SharedLimits, asOf: Millis): DecisionEvent[] {
  const kept = new Set<string>();
  const events: DecisionEvent[] = [];
  const newestFirst = history
    .open()
    .sort((a, b) => b.openedAt - a.openedAt || (a.decisionId < b.decisionId ? -1 : 1));
  for (const decision of newestFirst) {
    const place = slotOf(decision);
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

/** Of what one may be open: an offer, or the same action, of a subscription. */
export function slotOf(decision: Decision): string {
  return `${decision.subscriptionId}\0${decision.kind === 'offer' ? 'offer' : actionKey(decision)}`;
}

/** What the account alone says to what a rule proposes, before anything is asked that all accounts share. */
function ownRuling(
  { subscriptionId, guardrails, asOf }: Situation,
  { event }: Rule,
  history: AccountHistory,
  rules: DecisionRules,
): 'open_already' | Ruling {
  const outline = {
    subscriptionId,
    kind: event.type,
    action: actionOf(event),
    discountPct: discountOf(event, rules),
  };
  const open = history.open(subscriptionId);
  const key = actionKey(outline);
  if (open.some((decision) => actionKey(decision) === key)) return 'open_already';
  const offer = outline.kind === 'offer' ? open.find(({ kind }) => kind === 'offer') : undefined;
  if (offer !== undefined)
    return {
      kind: 'suppress',
      guardrail: 'one_open_offer',
      reason: `The offer ${offer.action} is open; at most one is.`,
    };
  let approval: Ruling | undefined;
  for (const guardrail of guardrails) {
    if (guardrail.kind === 'budget' || isShared(guardrail)) continue;
    const ruling = checkGuardrail(guardrail, outline, history, asOf);
    if (ruling.kind === 'suppress') return ruling;
    if (ruling.kind === 'approve') approval ??= ruling;
  }
  return approval ?? { kind: 'pass' };
}

function askLimits(
  { guardrails, arrMinor, asOf }: Situation,
  proposal: Decision,
  limits: SharedLimits,
  { currencies }: DecisionRules,
): Ruling {
  return limits.ask({
    proposal,
    // A share of an ARR that is not known is an amount that is not known.
    costKnown: proposal.discountPct === 0 || arrMinor !== null,
    guardrails: guardrails.filter(isShared),
    currencies,
    asOf,
    opens: true,
  });
}

function keyOf({ event }: Rule): string {
  return actionKey({ kind: event.type, action: actionOf(event) });
}

function candidateOf({ name, event, priority }: Rule, ruling: Candidate['ruling']): Candidate {
  return { rule: name, kind: event.type, action: actionOf(event), priority, ruling };
}

function suppressionOf(
  { name, event }: Rule,
  { guardrail, reason }: Extract<Ruling, { kind: 'suppress' | 'wait' }>,
): Suppression {
  return { rule: name, kind: event.type, action: actionOf(event), guardrail, reason };
}

/** It opens all the same; what runs only once it is approved has no timer yet. */
function waiting(proposal: Decision, guardrail: string): Decision {
  const decision: Decision = { ...proposal, status: 'pending_approval', waitsFor: guardrail };
  return { ...decision, timerAt: timerOf(decision) };
}
