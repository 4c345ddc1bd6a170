import type { Millis } from '../core/clock.js';
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
import { actionOf, proposalOf } from './proposal.js';
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
  const { subscriptionId, asOf } = situation;
  const opened: Decision[] = [];
  const suppressed: Suppression[] = [];
  const candidates: { candidate: Candidate; key: string }[] = [];
  for (const fired of situation.fired) {
    const { rule } = fired;
    const action = actionOf(rule.event);
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
    const proposal = proposalOf(situation, fired, history, rules);
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
    guardrails: situation.guardrails.filter(isShared),
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
