import type { AccountHistory } from './account-history.js';
import type { Decision, DecisionEvent } from './decision.js';
import { applyTo, isOpen, wasSeen } from './lifecycle.js';
import { isShared, type SharedLimits } from './shared-limits.js';
import type { DecisionRules, Situation } from './situation.js';
import { costOf, termsHash } from './terms.js';

/** Whether `reviseTerms` would change something. */
export function termsChange(situation: Situation, history: AccountHistory): boolean {
  return history
    .open(situation.subscriptionId)
    .some((decision) => newCostOf(decision, situation) !== undefined);
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
  for (const decision of history.open(situation.subscriptionId)) {
    const costMinor = newCostOf(decision, situation);
    if (costMinor === undefined) continue;
    const revised = { ...decision, arrMinor, costMinor, currency };
    const ruling =
      currency === decision.currency && costMinor <= decision.costMinor
        ? ({ kind: 'pass' } as const)
        : limits.ask({
            proposal: revised,
            costKnown: true,
            guardrails: situation.guardrails.filter(isShared),
            currencies: rules.currencies,
            asOf,
            opens: false,
          });
    // Until it is answered the old terms hold.
    if (ruling.kind === 'wait' || (ruling.kind === 'suppress' && ruling.undecided === true)) continue;
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

/** What an offer that nobody has seen costs with the ARR of now, in minor units; undefined: what it cost before. */
function newCostOf(decision: Decision, { arrMinor, currency }: Situation): number | undefined {
  if (arrMinor === null || currency === '') return undefined;
  if (decision.discountPct === 0 || wasSeen(decision) || !isOpen(decision)) return undefined;
  const costMinor = costOf(decision, arrMinor);
  return costMinor === decision.costMinor && currency === decision.currency ? undefined : costMinor;
}
