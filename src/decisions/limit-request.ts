import { stableId } from '../core/identity.js';
import type { Brake } from '../rules/rule-set.js';
import type { Decision } from './decision.js';
import type { Asked, SharedGuardrail } from './shared-limits.js';

/** A question to the keeper of shared limits, with everything that answers it: it knows no rule files. */
export interface LimitRequest {
  readonly requestId: string;
  readonly accountId: string;
  readonly subscriptionId: string;
  readonly proposal: Pick<
    Decision,
    'decisionId' | 'kind' | 'owner' | 'currency' | 'costMinor' | 'openedAt' | 'arrAtRiskMinor'
  >;
  readonly costKnown: boolean;
  readonly opens: boolean;
  readonly guardrails: readonly SharedGuardrail[];
  readonly reporting: string;
  readonly rates: Readonly<Record<string, number>>;
  readonly brake: Brake | null;
}

/**
 * A decision with its terms, as it stands: asked again, it is the same question. With each event of the decision it is another: what was
 * granted is used once, and not again for what was taken back in the meantime.
 */
export function requestIdOf({ proposal, opens }: Pick<Asked, 'proposal' | 'opens'>): string {
  const { decisionId, version, terms, costMinor } = proposal;
  return stableId(decisionId, version, terms, costMinor, opens ? 'opens' : 'revises');
}

export function limitRequest(asked: Asked, brake: Brake | null): LimitRequest {
  const { accountId, subscriptionId, ...rest } = asked.proposal;
  const { decisionId, kind, owner, currency, costMinor, openedAt, arrAtRiskMinor } = rest;
  return {
    requestId: requestIdOf(asked),
    accountId,
    subscriptionId,
    proposal: { decisionId, kind, owner, currency, costMinor, openedAt, arrAtRiskMinor },
    costKnown: asked.costKnown,
    opens: asked.opens,
    guardrails: asked.guardrails,
    reporting: asked.currencies.reporting,
    rates: Object.fromEntries(asked.currencies.rates),
    brake,
  };
}
