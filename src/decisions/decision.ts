import type { Millis } from '../core/clock.js';
import type { EventType } from '../rules/event.js';
import type { Band } from '../scoring/scorecard.js';

export const DECISION_STATUSES = ['open', 'pending_approval', 'resolved', 'expired', 'cleared'] as const;
export type DecisionStatus = (typeof DECISION_STATUSES)[number];

/** What had fired and was held back, and why. */
export interface Suppression {
  readonly rule: string;
  readonly kind: EventType;
  /** The offer, or the topic of the escalation or touchpoint. */
  readonly action: string;
  /** Guardrail of rules/guardrails.yaml, or "one_open_offer". */
  readonly guardrail: string;
  /** In a sentence. */
  readonly reason: string;
}

/** One thing opened for a subscription, in the state it has had since `asOf`. */
export interface Decision {
  readonly decisionId: string;
  readonly accountId: string;
  readonly subscriptionId: string;
  readonly asOf: Millis;
  readonly kind: EventType;
  /** The offer, or the topic of the escalation or touchpoint. */
  readonly action: string;
  readonly params: Readonly<Record<string, string>>;
  readonly status: DecisionStatus;
  readonly openedAt: Millis;
  /** What closed it: an outcome's kind, "expiry", "condition" or "superseded"; empty while it is open. */
  readonly closedBy: string;
  readonly closedAt: Millis | null;
  readonly expiresAt: Millis | null;
  readonly rule: string;
  /** The rule's conditions as they were met, in words. */
  readonly reasons: readonly string[];
  /** What else had fired at that moment and was held back. */
  readonly suppressed: readonly Suppression[];
  readonly risk: number;
  readonly band: Band;
  readonly arrAtRiskMinor: number | null;
  readonly currency: string;
  readonly owner: string;
  /** 0: none. */
  readonly discountPct: number;
  /** What it gives away, in minor units: the discount over its months, and the credit. */
  readonly costMinor: number;
  readonly rulesRevision: string;
  readonly scoringRevision: string;
}

export function isOpen(decision: Pick<Decision, 'status'>): boolean {
  return decision.status === 'open' || decision.status === 'pending_approval';
}

/** An answer to a decision: what the customer or a colleague did with it. */
export interface Answer {
  readonly decisionId: string;
  readonly kind: string;
  readonly occurredAt: Millis;
}
