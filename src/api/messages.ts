import type { Millis } from '../core/clock.js';
import type { Decision } from '../decisions/decision.js';
import type { DecisionStatus } from '../decisions/lifecycle.js';
import type { Explanation } from '../engine/questions.js';
import type { Contribution, Risk } from '../engine/risk.js';
import type { FeatureCategory } from '../features/catalogue.js';
import * as decisionPb from '../gen/perennial/v1/decision.js';
import * as riskPb from '../gen/perennial/v1/risk.js';
import { Category as CategoryPb } from '../gen/perennial/v1/signal.js';
import type { EventType } from '../rules/event.js';
import { conditionLines } from '../rules/explain.js';
import type { Band } from '../scoring/scorecard.js';
import { CATEGORIES } from '../signals/signal.js';

const BAND: Readonly<Record<Band, riskPb.Band>> = {
  low: riskPb.Band.LOW,
  medium: riskPb.Band.MEDIUM,
  high: riskPb.Band.HIGH,
  critical: riskPb.Band.CRITICAL,
  unknown: riskPb.Band.UNKNOWN,
};
/** Features of the contract itself belong to no category of signals. */
const CATEGORY: Readonly<Record<FeatureCategory, CategoryPb>> = {
  usage: CategoryPb.USAGE,
  billing: CategoryPb.BILLING,
  support: CategoryPb.SUPPORT,
  marketing: CategoryPb.MARKETING,
  contract: CategoryPb.UNSPECIFIED,
};
const KIND: Readonly<Record<EventType, decisionPb.DecisionKind>> = {
  offer: decisionPb.DecisionKind.OFFER,
  escalation: decisionPb.DecisionKind.ESCALATION,
  touchpoint: decisionPb.DecisionKind.TOUCHPOINT,
};
const STATUS: Readonly<Record<DecisionStatus, decisionPb.DecisionStatus>> = {
  held_out: decisionPb.DecisionStatus.HELD_OUT,
  pending_approval: decisionPb.DecisionStatus.PENDING_APPROVAL,
  open: decisionPb.DecisionStatus.OPEN,
  presented: decisionPb.DecisionStatus.PRESENTED,
  acknowledged: decisionPb.DecisionStatus.ACKNOWLEDGED,
  snoozed: decisionPb.DecisionStatus.SNOOZED,
  accepted: decisionPb.DecisionStatus.ACCEPTED,
  declined: decisionPb.DecisionStatus.DECLINED,
  expired: decisionPb.DecisionStatus.EXPIRED,
  lapsed: decisionPb.DecisionStatus.LAPSED,
  cleared: decisionPb.DecisionStatus.CLEARED,
  superseded: decisionPb.DecisionStatus.SUPERSEDED,
  rejected: decisionPb.DecisionStatus.REJECTED,
  withdrawn: decisionPb.DecisionStatus.WITHDRAWN,
  resolved: decisionPb.DecisionStatus.RESOLVED,
};

function reversed<Name extends string, Value>(
  names: Readonly<Record<Name, Value>>,
): ReadonlyMap<Value, Name> {
  return new Map((Object.entries(names) as [Name, Value][]).map(([name, value]) => [value, name]));
}
export const BAND_NAMES = reversed(BAND);
export const KIND_NAMES = reversed(KIND);
export const STATUS_NAMES = reversed(STATUS);

/** Contributions in a risk that was not asked to be explained. */
const MAIN_CONTRIBUTIONS = 5;

/** A risk with the contributions that add the most. */
export function riskMessage(risk: Risk): riskPb.Risk {
  return riskWith(risk, risk.contributions.slice(0, MAIN_CONTRIBUTIONS));
}

/** A risk with every contribution, and every rule. */
export function explanationMessage({ risk, rules, rulesRevision }: Explanation): riskPb.ExplainRiskResponse {
  return {
    risk: riskWith(risk, risk.contributions),
    rules: rules.map(({ rule, fired, conditions }) => ({
      rule,
      fired,
      conditions: conditionLines(conditions),
    })),
    rulesRevision,
  };
}

function riskWith(risk: Risk, contributions: readonly Contribution[]): riskPb.Risk {
  return {
    subscriptionId: risk.subscriptionId,
    accountId: risk.accountId,
    asOf: dateOf(risk.asOf),
    risk: risk.risk,
    renewalProbability: risk.renewalProbability ?? undefined,
    band: BAND[risk.band],
    coverage: risk.coverage,
    subScores: CATEGORIES.map((category) => ({
      category: CATEGORY[category],
      risk: risk.categoryRisk[category] ?? undefined,
    })),
    contributions: contributions.map(({ feature, category, value, curve, weight, points, reason }) => ({
      feature,
      category: CATEGORY[category],
      value: value ?? undefined,
      curve: curve ?? undefined,
      weight,
      points,
      reason,
    })),
    arrMinor: risk.arrMinor ?? undefined,
    currency: risk.currency,
    arrAtRiskMinor: risk.arrAtRiskMinor ?? undefined,
    renewal: dateOf(risk.renewal),
    segment: risk.segment,
    scorecard: risk.scorecard,
    scoringRevision: risk.scoringRevision,
  };
}

export function decisionMessage(decision: Decision): decisionPb.Decision {
  return {
    decisionId: decision.decisionId,
    subscriptionId: decision.subscriptionId,
    accountId: decision.accountId,
    kind: KIND[decision.kind],
    action: decision.action,
    params: decision.params,
    status: STATUS[decision.status],
    openedAt: dateOf(decision.openedAt),
    closedAt: dateOf(decision.closedAt),
    expiresAt: dateOf(decision.expiresAt),
    rule: decision.rule,
    reasons: [...decision.reasons],
    suppressed: decision.suppressed.map((held) => ({ ...held, kind: KIND[held.kind] })),
    risk: decision.risk,
    band: BAND[decision.band],
    arrAtRiskMinor: decision.arrAtRiskMinor ?? undefined,
    rulesRevision: decision.rulesRevision,
    scoringRevision: decision.scoringRevision,
    asOf: dateOf(decision.statusAt),
  };
}

function dateOf(time: Millis | null): Date | undefined {
  return time === null ? undefined : new Date(time);
}
