import { DAY_MS, type Millis } from '../core/clock.js';
import { stableId } from '../core/identity.js';
import type { RuleEvent } from '../rules/event.js';
import type { Guardrail, Offer } from '../rules/rule-set.js';
import type { Band } from '../scoring/scorecard.js';
import { type Answer, type Decision, isOpen, type Suppression } from './decision.js';
import { checkGuardrail } from './guardrail-check.js';
import type { Tally } from './tally.js';

/** A rule that fired for a subscription. */
export interface FiredRule {
  readonly rule: string;
  readonly event: RuleEvent;
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
  readonly rulesRevision: string;
  readonly scoringRevision: string;
}

export interface Verdict {
  /** New decisions and new states of known ones. */
  readonly changes: readonly Decision[];
  readonly suppressed: readonly Suppression[];
}

/**
 * Decides for one subscription. Pure: the same situation, tally, offers and answers give the same verdict. What it opens and
 * closes is recorded in the tally.
 *
 * - A decision that is open stays as it is, under the revision it opened with, until an outcome answers it, its time runs
 *   out, or no rule that proposes it fires any more. An offer that the customer has seen is not taken back by the last.
 * - Where scoring the past left more than one offer open, or one action twice, the one opened last stays.
 * - Rules go by priority. One that proposes what is open already changes nothing; where a guardrail held a proposal back, a
 *   later rule may still propose the same with a smaller discount. At most one offer is open.
 * - Guardrails are asked in the file's order; the first that objects holds the proposal back, with its reason.
 */
export function arbitrate(
  situation: Situation,
  tally: Tally,
  offers: ReadonlyMap<string, Offer>,
  answers: ReadonlyMap<string, readonly Answer[]>,
): Verdict {
  const { accountId, subscriptionId, asOf } = situation;
  const changes: Decision[] = [];
  const proposed = new Set(situation.fired.map(({ event }) => keyOf(event.type, actionName(event))));

  for (const decision of tally.ofSubscription(accountId, subscriptionId).filter(isOpen)) {
    const closed = close(decision, answers.get(decision.decisionId) ?? [], proposed, asOf);
    if (closed === undefined) continue;
    changes.push(closed);
    tally.record(closed);
  }

  for (const decision of surplus(tally.ofSubscription(accountId, subscriptionId).filter(isOpen))) {
    const closed: Decision = { ...decision, asOf, status: 'cleared', closedBy: 'superseded', closedAt: asOf };
    changes.push(closed);
    tally.record(closed);
  }

  const opened: Decision[] = [];
  const suppressed: Suppression[] = [];
  for (const { rule, event, reasons } of situation.fired) {
    const key = keyOf(event.type, actionName(event));
    const open = tally.ofSubscription(accountId, subscriptionId).filter(isOpen);
    if (open.some((decision) => keyOf(decision.kind, decision.action) === key)) continue;
    const proposal = propose(situation, rule, event, reasons, offers);
    const ruling = judge(situation, proposal, open, tally);
    if (ruling.suppression !== undefined) {
      suppressed.push(ruling.suppression);
      continue;
    }
    const decision: Decision = { ...proposal, status: ruling.status };
    opened.push(decision);
    tally.record(decision);
  }
  for (const decision of opened.map((decision) => ({ ...decision, suppressed }))) {
    changes.push(decision);
    tally.record(decision);
  }
  return { changes, suppressed };
}

function judge(
  situation: Situation,
  proposal: Decision,
  open: readonly Decision[],
  tally: Tally,
): { status: 'open' | 'pending_approval'; suppression?: Suppression } {
  const heldBack = (guardrail: string, reason: string): Suppression => ({
    rule: proposal.rule,
    kind: proposal.kind,
    action: proposal.action,
    guardrail,
    reason,
  });
  const offer = proposal.kind === 'offer' ? open.find((decision) => decision.kind === 'offer') : undefined;
  if (offer !== undefined) {
    return {
      status: 'open',
      suppression: heldBack('one_open_offer', `The offer ${offer.action} is open; at most one is.`),
    };
  }
  // A share of an ARR that is not known is an amount that is not known.
  const asked = { ...proposal, costKnown: proposal.discountPct === 0 || situation.arrMinor !== null };
  let status: 'open' | 'pending_approval' = 'open';
  for (const guardrail of situation.guardrails) {
    const ruling = checkGuardrail(guardrail, asked, tally, situation.asOf);
    if (ruling.kind === 'suppress') return { status, suppression: heldBack(guardrail.name, ruling.reason) };
    if (ruling.kind === 'approve') status = 'pending_approval';
  }
  return { status };
}

/** Open decisions of which one more is open than may be: all offers but the one opened last, and so for each other action. */
function surplus(open: readonly Decision[]): Decision[] {
  const kept = new Set<string>();
  return [...open]
    .sort((a, b) => b.openedAt - a.openedAt || (a.decisionId < b.decisionId ? -1 : 1))
    .filter((decision) => {
      const place = decision.kind === 'offer' ? 'offer' : keyOf(decision.kind, decision.action);
      if (!kept.has(place)) {
        kept.add(place);
        return false;
      }
      return true;
    });
}

/** The state in which an open decision ends now; undefined when it stays open. */
function close(
  decision: Decision,
  answers: readonly Answer[],
  proposed: ReadonlySet<string>,
  asOf: Millis,
): Decision | undefined {
  const ended = (status: Decision['status'], closedBy: string): Decision => ({
    ...decision,
    asOf,
    status,
    closedBy,
    closedAt: asOf,
  });
  const answer = answers.find(({ kind }) => ANSWERS.has(kind));
  if (answer !== undefined)
    return ended(answer.kind === 'offer_expired' ? 'expired' : 'resolved', answer.kind);
  if (decision.expiresAt !== null && decision.expiresAt <= asOf) return ended('expired', 'expiry');
  const presented = answers.some(({ kind }) => kind === 'offer_presented');
  if (!presented && !proposed.has(keyOf(decision.kind, decision.action)))
    return ended('cleared', 'condition');
  return undefined;
}

/** Outcomes that end a decision. */
const ANSWERS = new Set([
  'offer_accepted',
  'offer_declined',
  'offer_expired',
  'touchpoint_responded',
  'escalation_resolved',
]);

function propose(
  situation: Situation,
  rule: string,
  event: RuleEvent,
  reasons: readonly string[],
  offers: ReadonlyMap<string, Offer>,
): Decision {
  const { accountId, subscriptionId, asOf, arrMinor } = situation;
  const offer = event.type === 'offer' ? offers.get(event.params.offer) : undefined;
  const discountPct = event.type === 'offer' ? (event.params.discount_pct ?? offer?.discount_pct ?? 0) : 0;
  const discount =
    offer === undefined || arrMinor === null ? 0 : (arrMinor * discountPct * offer.discount_months) / 1200;
  return {
    decisionId: stableId('decision', accountId, subscriptionId, event.type, actionName(event), asOf),
    accountId,
    subscriptionId,
    asOf,
    kind: event.type,
    action: actionName(event),
    params: textParams(event.params),
    status: 'open',
    openedAt: asOf,
    closedBy: '',
    closedAt: null,
    expiresAt: offer === undefined ? null : asOf + offer.valid_days * DAY_MS,
    rule,
    reasons,
    suppressed: [],
    risk: situation.risk,
    band: situation.band,
    arrAtRiskMinor: situation.arrAtRiskMinor,
    currency: situation.currency,
    owner: situation.owner,
    discountPct,
    costMinor: Math.round(discount + (offer?.credit_minor ?? 0)),
    rulesRevision: situation.rulesRevision,
    scoringRevision: situation.scoringRevision,
  };
}

function actionName(event: RuleEvent): string {
  return event.type === 'offer' ? event.params.offer : event.params.topic;
}

function keyOf(kind: string, action: string): string {
  return `${kind}:${action}`;
}

/** An event's parameters as text. Those under `details` keep their place in their names: `details.template_id`. */
function textParams(params: Readonly<Record<string, unknown>>): Record<string, string> {
  const text: Record<string, string> = {};
  for (const [name, value] of Object.entries(params)) {
    if (value === undefined || value === null) continue;
    if (name === 'details' && typeof value === 'object') {
      for (const [key, detail] of Object.entries(value))
        text[`details.${key}`] = typeof detail === 'string' ? detail : JSON.stringify(detail);
    } else text[name] = typeof value === 'string' ? value : JSON.stringify(value);
  }
  return text;
}
