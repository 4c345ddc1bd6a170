import { DAY_MS, HOUR_MS, type Millis } from '../core/clock.js';
import { stableId } from '../core/identity.js';
import type { EventType, RuleEvent } from '../rules/event.js';
import type { Rule } from '../rules/rule-set.js';
import type { AccountHistory } from './account-history.js';
import type { Decision } from './decision.js';
import { timerOf } from './lifecycle.js';
import type { DecisionRules, Situation } from './situation.js';
import { costOf, termsHash } from './terms.js';

/** Without an answer a touchpoint is closed after this time. */
const TOUCHPOINT_VALID_DAYS = 30;

/** What a rule that fired would open, without reasons: those take long to put into words, and most of it opens never. */
export function proposalOf(
  situation: Situation,
  rule: Rule,
  history: AccountHistory,
  rules: DecisionRules,
): Decision {
  const { accountId, subscriptionId, asOf, arrMinor, currency } = situation;
  const { event } = rule;
  const kind = event.type;
  const action = actionOf(event);
  const offer = event.type === 'offer' ? rules.offers.get(event.params.offer) : undefined;
  const discountPct = discountOf(event, rules);
  const discountMonths = discountPct === 0 ? 0 : (offer?.discount_months ?? 0);
  const creditMinor = offer?.credit_minor ?? 0;
  const costMinor = costOf({ discountPct, discountMonths, creditMinor }, arrMinor);
  const ordinal = history.openings({ subscriptionId, kind, action }) + 1;
  const params = textParams(event.params);
  const life = rules.lives[kind];
  const dueHours = event.type === 'escalation' ? (event.params.respond_within_hours ?? null) : null;
  const decision: Decision = {
    accountId,
    subscriptionId,
    decisionId: stableId('decision', accountId, subscriptionId, kind, action, ordinal),
    version: 1,
    kind,
    action,
    ordinal,
    params,
    status: 'open',
    statusAt: asOf,
    openedAt: asOf,
    reopenedAt: null,
    presentedAt: null,
    answeredAt: null,
    confirmedAt: null,
    closedAt: null,
    expiresAt: expiryOf(kind, offer?.valid_days, asOf),
    dueAt: dueHours === null ? null : asOf + dueHours * HOUR_MS,
    dueHours,
    overdueAt: null,
    snoozedUntil: null,
    conditionFalseSince: null,
    clearAfterDays: rule.clearAfterDays ?? life.clearAfterDays,
    keepUntil: asOf + (rule.leastDays ?? life.leastDays) * DAY_MS,
    timerAt: null,
    rule: rule.name,
    reasons: [],
    suppressed: [],
    priority: rule.priority,
    candidates: [],
    propensity: 1,
    risk: situation.risk,
    band: situation.band,
    arrMinor,
    arrAtRiskMinor: situation.arrAtRiskMinor,
    currency,
    owner: situation.owner,
    discountPct,
    discountMonths,
    creditMinor,
    costMinor,
    terms: termsHash({ kind, action, discountPct, discountMonths, creditMinor, costMinor, currency }),
    waitsFor: '',
    approvedTerms: '',
    rulesRevision: rules.revision,
    scoringRevision: rules.scoringRevision,
  };
  return { ...decision, timerAt: timerOf(decision) };
}

/** The discount that an event of a rule gives, in per cent: its own, else that of its offer. */
export function discountOf(event: RuleEvent, { offers }: Pick<DecisionRules, 'offers'>): number {
  if (event.type !== 'offer') return 0;
  return event.params.discount_pct ?? offers.get(event.params.offer)?.discount_pct ?? 0;
}

function expiryOf(kind: EventType, offerDays: number | undefined, asOf: Millis): Millis | null {
  const days = kind === 'touchpoint' ? TOUCHPOINT_VALID_DAYS : offerDays;
  return days === undefined ? null : asOf + days * DAY_MS;
}

/** The offer, or the topic, that an event of a rule names. */
export function actionOf(event: RuleEvent): string {
  return event.type === 'offer' ? event.params.offer : event.params.topic;
}

/** An event's parameters as text. What `details` holds stands under "details.", so that it can't replace a parameter. */
function textParams(params: Readonly<Record<string, unknown>>): Record<string, string> {
  const text: Record<string, string> = {};
  const put = (name: string, value: unknown): void => {
    if (value !== undefined && value !== null)
      text[name] = typeof value === 'string' ? value : JSON.stringify(value);
  };
  for (const [name, value] of Object.entries(params)) {
    if (name === 'details' && typeof value === 'object' && value !== null)
      for (const [key, detail] of Object.entries(value)) put(`details.${key}`, detail);
    else put(name, value);
  }
  return text;
}
