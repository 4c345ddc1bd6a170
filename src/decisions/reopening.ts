import type { Millis } from '../core/clock.js';
import type { Guardrail } from '../rules/rule-set.js';
import type { AccountHistory } from './account-history.js';
import { actionKey, type Decision } from './decision.js';
import type { Objection } from './settle.js';
import { isShared, type SharedLimits } from './shared-limits.js';
import type { DecisionRules } from './situation.js';

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
    guardrails: guardrails.filter(isShared),
    currencies: rules.currencies,
    asOf,
    opens: true,
  });
  if (ruling.kind === 'wait') return 'wait';
  return ruling.kind === 'suppress' ? { reason: ruling.reason } : undefined;
}
