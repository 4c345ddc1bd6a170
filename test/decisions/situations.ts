import { DAY_MS, type Millis } from '../../src/core/clock.js';
import type { FiredRule, Situation } from '../../src/decisions/arbitrate.js';
import type { Answer, Decision } from '../../src/decisions/decision.js';
import type { RuleEvent } from '../../src/rules/event.js';
import { type Guardrail, guardrailSchema } from '../../src/rules/guardrail-file.js';
import { type Offer, offerSchema } from '../../src/rules/offer-file.js';

export const START: Millis = Date.UTC(2025, 0, 1);
export const day = (days: number): Millis => START + days * DAY_MS;

export const offerEvent = (offer: string, discountPct?: number): RuleEvent => ({
  type: 'offer',
  params: { offer, details: {}, ...(discountPct === undefined ? {} : { discount_pct: discountPct }) },
});
export const escalation = (topic: string): RuleEvent => ({
  type: 'escalation',
  params: { topic, details: {}, to: 'owner', severity: 'normal' },
});
export const touchpoint = (topic: string): RuleEvent => ({
  type: 'touchpoint',
  params: { topic, details: {}, channel: 'email' },
});

/** A rule named after what it proposes. */
export function fired(
  event: RuleEvent,
  rule = event.type === 'offer' ? event.params.offer : event.params.topic,
): FiredRule {
  return { rule, event, reasons: [`why ${rule}`] };
}

export function situation(
  at: Millis,
  events: readonly RuleEvent[],
  more: Partial<Situation> = {},
): Situation {
  return {
    accountId: 'a',
    subscriptionId: 's',
    asOf: at,
    risk: 60,
    band: 'critical',
    arrMinor: 1_200_000,
    arrAtRiskMinor: 600_000,
    currency: 'EUR',
    owner: 'olga',
    fired: events.map((event) => fired(event)),
    guardrails: [],
    rulesRevision: 'rules',
    scoringRevision: 'scoring',
    ...more,
  };
}

/** A guardrail as the file's reader gives it, defaults filled in. */
export function guardrail(given: { kind: Guardrail['kind'] } & Record<string, unknown>): Guardrail {
  return guardrailSchema.parse({ name: given.kind, description: `The rule of ${given.kind}.`, ...given });
}

export const OFFERS: ReadonlyMap<string, Offer> = new Map(
  [
    { name: 'ten', discount_pct: 10, valid_days: 14 },
    { name: 'twenty', discount_pct: 20, discount_months: 6, valid_days: 30 },
    { name: 'credit', kind: 'credit', credit_minor: 5_000, valid_days: 7 },
    { name: 'training', kind: 'training', valid_days: 30 },
  ].map((given) => {
    const offer = offerSchema.parse({ description: 'd', kind: 'discount', uplift: 0.1, ...given });
    return [offer.name, offer];
  }),
);

export const answersTo = (decision: Decision, ...kinds: string[]): ReadonlyMap<string, readonly Answer[]> =>
  new Map([
    [
      decision.decisionId,
      kinds.map((kind) => ({ decisionId: decision.decisionId, kind, occurredAt: decision.openedAt + 1 })),
    ],
  ]);
