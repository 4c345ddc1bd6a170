import { DAY_MS, type Millis } from '../../src/core/clock.js';
import type { Answer } from '../../src/decisions/answer.js';
import type { Decision, DecisionStatus } from '../../src/decisions/decision.js';
import { applyTo, type Happening, STATUS_TRAITS, timerOf } from '../../src/decisions/lifecycle.js';
import type { DecisionRules, FiredRule, Situation } from '../../src/decisions/situation.js';
import type { EventType, RuleEvent } from '../../src/rules/event.js';
import { type Guardrail, guardrailSchema } from '../../src/rules/guardrail-file.js';
import { DEFAULT_LIVES } from '../../src/rules/life.js';
import { type Offer, offerSchema } from '../../src/rules/offer-file.js';
import type { Rule } from '../../src/rules/rule-set.js';

const START: Millis = Date.UTC(2025, 0, 1);
export const day = (days: number): Millis => START + days * DAY_MS;

export const offerEvent = (offer: string, discountPct?: number): RuleEvent => ({
  type: 'offer',
  params: { offer, details: {}, ...(discountPct === undefined ? {} : { discount_pct: discountPct }) },
});
export const escalation = (topic: string, hours?: number): RuleEvent => ({
  type: 'escalation',
  params: {
    topic,
    details: {},
    to: 'owner',
    severity: 'normal',
    ...(hours === undefined ? {} : { respond_within_hours: hours }),
  },
});
export const touchpoint = (topic: string): RuleEvent => ({
  type: 'touchpoint',
  params: { topic, details: {}, channel: 'email' },
});

/** A rule that fired, named after what it proposes. */
export function fired(event: RuleEvent, more: Partial<Rule> = {}): FiredRule {
  const rule: Rule = {
    name: event.type === 'offer' ? event.params.offer : event.params.topic,
    description: '',
    priority: 10,
    clearAfterDays: null,
    leastDays: null,
    conditions: { all: [] },
    event,
    place: { file: 'rules.yaml', line: 1, column: 1 },
    ...more,
  };
  return { rule, reasons: [`why ${rule.name}`] };
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
    ...more,
  };
}

/** A guardrail as the file's reader gives it, defaults filled in. */
export function guardrail<K extends Guardrail['kind']>(
  given: { kind: K } & Record<string, unknown>,
): Extract<Guardrail, { kind: K }> {
  const read = { name: given.kind, description: `The rule of ${given.kind}.`, ...given };
  return guardrailSchema.parse(read) as Extract<Guardrail, { kind: K }>;
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

/** Dollars have a rate that does not come out even, yen have no decimals, and pounds have no rate. */
export const RULES: DecisionRules = {
  revision: 'rules',
  scoringRevision: 'scoring',
  offers: OFFERS,
  lives: DEFAULT_LIVES,
  currencies: {
    reporting: 'EUR',
    rates: new Map([
      ['EUR', 1],
      ['USD', 0.917],
      ['JPY', 0.0061],
    ]),
  },
};

/** A decision that opened on day 0, with what a test cares for. */
export function decision(more: Partial<Decision> = {}): Decision {
  const given: Decision = {
    accountId: 'a',
    subscriptionId: 's',
    decisionId: 'd',
    version: 1,
    kind: 'offer',
    action: 'ten',
    ordinal: 1,
    params: { offer: 'ten' },
    status: 'open',
    statusAt: day(0),
    openedAt: day(0),
    reopenedAt: null,
    presentedAt: null,
    answeredAt: null,
    confirmedAt: null,
    closedAt: null,
    expiresAt: null,
    dueAt: null,
    dueHours: null,
    overdueAt: null,
    snoozedUntil: null,
    conditionFalseSince: null,
    clearAfterDays: 7,
    keepUntil: day(0),
    timerAt: null,
    rule: 'r',
    reasons: ['why'],
    suppressed: [],
    priority: 10,
    candidates: [],
    propensity: 1,
    risk: 60,
    band: 'high',
    arrMinor: 1_200_000,
    arrAtRiskMinor: 600_000,
    currency: 'EUR',
    owner: 'olga',
    discountPct: 10,
    discountMonths: 12,
    creditMinor: 0,
    costMinor: 120_000,
    terms: 'terms',
    waitsFor: '',
    approvedTerms: '',
    rulesRevision: 'rules',
    scoringRevision: 'scoring',
    ...more,
  };
  return { ...given, timerAt: timerOf(given) };
}

/** A decision that opened on day 0 and has had a status since day 5, with what belongs to it. */
export function inStatus(status: DecisionStatus, kind: EventType = 'offer', more: Partial<Decision> = {}) {
  const { open, counts } = STATUS_TRAITS[status];
  const answered = status === 'accepted' || status === 'declined' || status === 'resolved';
  return decision({
    kind,
    action: 'it',
    status,
    statusAt: day(5),
    // A colleague who lets a touchpoint rest has not shown it to the customer.
    presentedAt: counts && !(status === 'snoozed' && kind === 'touchpoint') ? day(1) : null,
    answeredAt: answered ? day(5) : null,
    closedAt: open ? null : day(5),
    snoozedUntil: status === 'snoozed' ? day(30) : null,
    waitsFor: status === 'pending_approval' ? 'discount_approval' : '',
    ...more,
  });
}

/** Lets things happen to a decision, one after another; each has to change it. */
export function lived(before: Decision, ...happenings: (Partial<Happening> & Pick<Happening, 'event'>)[]) {
  return happenings.reduce((known, happening) => {
    const outcome = applyTo(known, { at: day(1), actor: 'test', ...happening });
    if (outcome.kind !== 'changed')
      throw new Error(`${happening.event}: ${outcome.kind === 'refused' ? outcome.reason : 'unchanged'}`);
    return outcome.event.decision;
  }, before);
}

let answers = 0;
/** An answer to a decision, or a command of a person about it. */
export function answer(
  to: Pick<Decision, 'accountId' | 'decisionId'>,
  kind: string,
  at: Millis,
  more: Partial<Answer> = {},
): Answer {
  const { accountId, decisionId } = to;
  answers++;
  return {
    accountId,
    decisionId,
    answerId: `test/${answers}`,
    kind,
    at,
    actor: 'crm',
    reason: '',
    until: null,
    terms: '',
    ...more,
  };
}
