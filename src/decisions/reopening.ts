import type { Millis } from '../core/clock.js';
import type { Guardrail } from '../rules/rule-set.js';
import type { AccountHistory } from './account-history.js';
import { actionKey, type Decision } from './decision.js';
import { checkGuardrail } from './guardrail-check.js';
import { wasSeen } from './lifecycle.js';
import type { MissingApproval, Objection } from './settle.js';
import { isShared, type SharedLimits } from './shared-limits.js';
import type { DecisionRules } from './situation.js';

/**
 * Why a decision may not be opened again, or `wait`: that is not known yet; undefined: it may. What nobody has seen may go out to the customer
 * once it is open, so every guardrail holds as if it were new; what was seen comes as no further contact. Where it would need an
 * approval now it waits for one, unless these very terms were approved. The brake does not stop a person.
 */
export function objectionToReopening(
  decision: Decision,
  history: AccountHistory,
  limits: SharedLimits,
  guardrails: readonly Guardrail[],
  rules: Pick<DecisionRules, 'currencies'>,
  asOf: Millis,
): Objection | MissingApproval | 'wait' | undefined {
  const open = history.open(decision.subscriptionId);
  const same = open.find((other) => actionKey(other) === actionKey(decision));
  if (same !== undefined) return { reason: `The same ${decision.kind} is open as ${same.decisionId}.` };
  const offer = decision.kind === 'offer' ? open.find(({ kind }) => kind === 'offer') : undefined;
  if (offer !== undefined) return { reason: `The offer ${offer.action} is open; at most one is.` };
  let missing: MissingApproval | undefined;
  for (const guardrail of guardrails) {
    if (wasSeen(decision) && guardrail.kind !== 'max_open' && guardrail.kind !== 'block') continue;
    if (isShared(guardrail)) continue;
    const own = checkGuardrail(guardrail, decision, history, asOf);
    if (own.kind === 'suppress') return { reason: `${own.reason} (${own.guardrail})` };
    if (own.kind === 'approve' && decision.approvedTerms !== decision.terms)
      missing ??= { waitsFor: own.guardrail };
  }
  const ruling = limits.ask({
    proposal: decision,
    costKnown: true,
    guardrails: guardrails.filter(isShared),
    currencies: rules.currencies,
    asOf,
    opens: true,
  });
  if (ruling.kind === 'wait') return 'wait';
  return ruling.kind === 'suppress' ? { reason: `${ruling.reason} (${ruling.guardrail})` } : missing;
}
