import { create, fromJson, type JsonValue, type MessageInitShape } from '@bufbuild/protobuf';
import { type Timestamp, TimestampSchema, ValueSchema } from '@bufbuild/protobuf/wkt';
import type { Millis } from '../core/clock.js';
import type { Decision, DecisionEvent, DecisionStatus, Suppression } from '../decisions/decision.js';
import type { RiskChange } from '../engine/explain-change.js';
import type { Explanation } from '../engine/questions.js';
import type { AppliedOverride, Contribution, Risk } from '../engine/risk.js';
import type { FeatureCategory } from '../features/catalogue.js';
import type { DateSchema } from '../gen/google/type/date_pb.js';
import {
  type DecisionEventSchema,
  DecisionKind as DecisionKindPb,
  type DecisionSchema,
  DecisionStatus as DecisionStatusPb,
  type SuppressionSchema,
} from '../gen/perennial/v1/decision_pb.js';
import type { SuppressionRecordSchema } from '../gen/perennial/v1/decision_service_pb.js';
import type { MoneySchema } from '../gen/perennial/v1/money_pb.js';
import {
  type AppliedRiskOverrideSchema,
  Band as BandPb,
  type RiskSchema,
} from '../gen/perennial/v1/risk_pb.js';
import {
  ConditionResult_Kind as ConditionKindPb,
  type ConditionResultSchema,
  type ContributionChangeSchema,
  type ExplainRiskResponseSchema,
  type RiskChangeSchema,
  RiskView,
} from '../gen/perennial/v1/risk_service_pb.js';
import { Category as CategoryPb } from '../gen/perennial/v1/signal_pb.js';
import type { EventType } from '../rules/event.js';
import type { ConditionResult } from '../rules/explain.js';
import type { Band } from '../scoring/scorecard.js';
import { CATEGORIES } from '../signals/signal.js';
import type { SuppressionRow } from '../store/decision-log.js';

const BAND: Readonly<Record<Band, BandPb>> = {
  low: BandPb.LOW,
  medium: BandPb.MEDIUM,
  high: BandPb.HIGH,
  critical: BandPb.CRITICAL,
  unknown: BandPb.UNKNOWN,
};
/** Features of the contract itself belong to no category of signals. */
const CATEGORY: Readonly<Record<FeatureCategory, CategoryPb>> = {
  usage: CategoryPb.USAGE,
  billing: CategoryPb.BILLING,
  support: CategoryPb.SUPPORT,
  marketing: CategoryPb.MARKETING,
  contract: CategoryPb.UNSPECIFIED,
};
const KIND: Readonly<Record<EventType, DecisionKindPb>> = {
  offer: DecisionKindPb.OFFER,
  escalation: DecisionKindPb.ESCALATION,
  touchpoint: DecisionKindPb.TOUCHPOINT,
};
const STATUS: Readonly<Record<DecisionStatus, DecisionStatusPb>> = {
  held_out: DecisionStatusPb.HELD_OUT,
  pending_approval: DecisionStatusPb.PENDING_APPROVAL,
  open: DecisionStatusPb.OPEN,
  presented: DecisionStatusPb.PRESENTED,
  acknowledged: DecisionStatusPb.ACKNOWLEDGED,
  snoozed: DecisionStatusPb.SNOOZED,
  accepted: DecisionStatusPb.ACCEPTED,
  declined: DecisionStatusPb.DECLINED,
  expired: DecisionStatusPb.EXPIRED,
  lapsed: DecisionStatusPb.LAPSED,
  cleared: DecisionStatusPb.CLEARED,
  superseded: DecisionStatusPb.SUPERSEDED,
  rejected: DecisionStatusPb.REJECTED,
  withdrawn: DecisionStatusPb.WITHDRAWN,
  resolved: DecisionStatusPb.RESOLVED,
};

const CONDITION_KIND: Readonly<Record<ConditionResult['kind'], ConditionKindPb>> = {
  all: ConditionKindPb.ALL,
  any: ConditionKindPb.ANY,
  not: ConditionKindPb.NOT,
  condition: ConditionKindPb.SHARED,
  comparison: ConditionKindPb.COMPARISON,
};

/** A band as the contract has it. */
export function bandMessage(band: Band): BandPb {
  return BAND[band];
}

export function kindMessage(kind: EventType): DecisionKindPb {
  return KIND[kind];
}

export function categoryMessage(category: FeatureCategory): CategoryPb {
  return CATEGORY[category];
}

function reversed<Name extends string, Value>(
  names: Readonly<Record<Name, Value>>,
): ReadonlyMap<Value, Name> {
  return new Map((Object.entries(names) as [Name, Value][]).map(([name, value]) => [value, name]));
}
export const BAND_NAMES = reversed(BAND);
export const CATEGORY_NAMES = reversed(CATEGORY);
export const CONDITION_KIND_NAMES = reversed(CONDITION_KIND);
export const KIND_NAMES = reversed(KIND);
export const STATUS_NAMES = reversed(STATUS);

/** Contributions in a risk that was not asked to be explained. */
const MAIN_CONTRIBUTIONS = 5;

/** A risk with the contributions that add the most, or with all. */
export function riskMessage(risk: Risk, view = RiskView.MAIN): MessageInitShape<typeof RiskSchema> {
  const all = view === RiskView.FULL;
  return riskWith(risk, all ? risk.contributions : risk.contributions.slice(0, MAIN_CONTRIBUTIONS));
}

/** A risk with every contribution, every rule, and what changed since a risk it is compared with. */
export function explanationMessage(
  { risk, rules, rulesRevision, bandExits }: Explanation,
  compared?: Risk,
  change?: RiskChange,
): MessageInitShape<typeof ExplainRiskResponseSchema> {
  return {
    risk: riskWith(risk, risk.contributions),
    rules: rules.map(({ rule, description, priority, fired, conditions }) => ({
      rule,
      description,
      priority,
      fired,
      condition: conditionMessage(conditions),
    })),
    rulesRevision,
    ...(compared === undefined
      ? {}
      : {
          comparedRisk: riskWith(compared, compared.contributions),
          changes: contributionChanges(compared, risk),
        }),
    ...(change === undefined ? {} : { change: changeMessage(change) }),
    bandExits: bandExits.map(({ feature, current, value, band }) => ({
      feature,
      currentValue: current,
      value,
      band: BAND[band],
    })),
  };
}

function changeMessage(change: RiskChange): MessageInitShape<typeof RiskChangeSchema> {
  const { riskBefore, riskAfter, parts, scoringRevisionBefore } = change;
  const { signals, passingTime, missingData, cardEdit, override } = parts;
  return {
    ...optional('riskBefore', riskBefore),
    ...optional('riskAfter', riskAfter),
    ...{ signals, passingTime, missingData, cardEdit, override, scoringRevisionBefore },
  };
}

/** What each feature did to the risk between two times, the largest change first. Changes sum to the difference of the risks. */
function contributionChanges(before: Risk, after: Risk): MessageInitShape<typeof ContributionChangeSchema>[] {
  const of = (risk: Risk) => new Map(risk.contributions.map((one) => [one.feature, one]));
  const [old, now] = [of(before), of(after)];
  // Their scorecards may differ, and so the features.
  return [...new Set([...now.keys(), ...old.keys()])]
    .map((feature) => ({
      feature,
      ...optional('valueBefore', old.get(feature)?.value ?? null),
      ...optional('value', now.get(feature)?.value ?? null),
      pointsChange: (now.get(feature)?.points ?? 0) - (old.get(feature)?.points ?? 0),
    }))
    .filter(({ pointsChange, value, valueBefore }) => pointsChange !== 0 || value !== valueBefore)
    .sort((a, b) => Math.abs(b.pointsChange) - Math.abs(a.pointsChange) || (a.feature < b.feature ? -1 : 1));
}

function conditionMessage({
  kind,
  text,
  held,
  facts,
  parts,
}: ConditionResult): MessageInitShape<typeof ConditionResultSchema> {
  return {
    kind: CONDITION_KIND[kind],
    text,
    held,
    facts: Object.fromEntries(
      Object.entries(facts).map(([name, value]) => [name, fromJson(ValueSchema, value as JsonValue)]),
    ),
    parts: parts.map(conditionMessage),
  };
}

function overrideMessage({
  setAt,
  until,
  ...override
}: AppliedOverride): MessageInitShape<typeof AppliedRiskOverrideSchema> {
  return { ...override, setTime: timestamp(setAt), endTime: timestamp(until) };
}

function riskWith(risk: Risk, contributions: readonly Contribution[]): MessageInitShape<typeof RiskSchema> {
  return {
    subscriptionId: risk.subscriptionId,
    accountId: risk.accountId,
    asOf: timestamp(risk.asOf),
    ...optional('risk', risk.risk),
    computedRisk: risk.computedRisk,
    ...(risk.override === null ? {} : { override: overrideMessage(risk.override) }),
    ...optional('renewalProbability', risk.renewalProbability),
    band: BAND[risk.band],
    unknownReason: risk.unknownReason,
    coverage: risk.coverage,
    subScores: CATEGORIES.map((category) => ({
      category: CATEGORY[category],
      ...optional('risk', risk.categoryRisk[category]),
    })),
    contributions: contributions.map(({ feature, category, value, curve, weight, points, reason }) => ({
      feature,
      category: CATEGORY[category],
      ...optional('value', value),
      ...optional('curve', curve),
      weight,
      points,
      reason,
    })),
    ...optional('arr', moneyMessage(risk.arrMinor, risk.currency)),
    ...optional('arrAtRisk', moneyMessage(risk.arrAtRiskMinor, risk.currency)),
    ...optional('renewalDate', risk.renewal === null ? null : dateMessage(risk.renewal)),
    segment: risk.segment,
    product: risk.product,
    plan: risk.plan,
    owner: risk.owner,
    scorecard: risk.scorecard,
    scoringRevision: risk.scoringRevision,
  };
}

export function decisionMessage(decision: Decision): MessageInitShape<typeof DecisionSchema> {
  const { currency } = decision;
  return {
    decisionId: decision.decisionId,
    subscriptionId: decision.subscriptionId,
    accountId: decision.accountId,
    kind: KIND[decision.kind],
    action: decision.action,
    params: decision.params,
    status: STATUS[decision.status],
    statusTime: timestamp(decision.statusAt),
    version: decision.version,
    openTime: timestamp(decision.openedAt),
    ...optional('presentTime', timeMessage(decision.presentedAt)),
    ...optional('answerTime', timeMessage(decision.answeredAt)),
    ...optional('confirmTime', timeMessage(decision.confirmedAt)),
    ...optional('closeTime', timeMessage(decision.closedAt)),
    ...optional('expireTime', timeMessage(decision.expiresAt)),
    ...optional('dueTime', timeMessage(decision.dueAt)),
    ...optional('overdueTime', timeMessage(decision.overdueAt)),
    ...optional('snoozeTime', timeMessage(decision.snoozedUntil)),
    rule: decision.rule,
    reasons: [...decision.reasons],
    candidates: decision.candidates.map((candidate) => ({ ...candidate, kind: KIND[candidate.kind] })),
    suppressions: decision.suppressed.map(suppressionMessage),
    propensity: decision.propensity,
    ...optional('risk', decision.risk),
    band: BAND[decision.band],
    ...optional('arrAtRisk', moneyMessage(decision.arrAtRiskMinor, currency)),
    ...optional('cost', moneyMessage(decision.costMinor || null, currency)),
    ...optional('credit', moneyMessage(decision.creditMinor || null, currency)),
    discountPct: decision.discountPct,
    discountMonths: decision.discountMonths,
    owner: decision.owner,
    terms: decision.terms,
    waitsFor: decision.waitsFor,
    rulesRevision: decision.rulesRevision,
    scoringRevision: decision.scoringRevision,
    currencyCode: currency,
    ...optional('arr', moneyMessage(decision.arrMinor, currency)),
    ordinal: decision.ordinal,
    priority: decision.priority,
    approvedTerms: decision.approvedTerms,
    ...optional('reopenTime', timeMessage(decision.reopenedAt)),
    ...optional('conditionFalseTime', timeMessage(decision.conditionFalseSince)),
    clearAfterDays: decision.clearAfterDays,
    keepTime: timestamp(decision.keepUntil),
    ...optional('nextChangeTime', timeMessage(decision.timerAt)),
    ...optional('dueHours', decision.dueHours),
  };
}

export function decisionEventMessage({
  event,
  at,
  actor,
  reason,
  causeId,
  decision,
}: DecisionEvent): MessageInitShape<typeof DecisionEventSchema> {
  return { event, eventTime: timestamp(at), actor, reason, causeId, decision: decisionMessage(decision) };
}

export function suppressionMessage({
  rule,
  kind,
  action,
  guardrail,
  reason,
}: Suppression): MessageInitShape<typeof SuppressionSchema> {
  return { rule, kind: KIND[kind], action, guardrail, reason };
}

/** A suppression with its subscription and time. */
export function suppressionRecordMessage(
  row: SuppressionRow,
): MessageInitShape<typeof SuppressionRecordSchema> {
  return {
    accountId: row.accountId,
    subscriptionId: row.subscriptionId,
    asOf: timestamp(row.asOf),
    suppression: suppressionMessage(row),
    rulesRevision: row.rulesRevision,
  };
}

function timeMessage(time: Millis | null): Timestamp | null {
  return time === null ? null : timestamp(time);
}

export function timestamp(time: Millis): Timestamp {
  const seconds = Math.floor(time / 1_000);
  return create(TimestampSchema, {
    seconds: BigInt(seconds),
    nanos: Math.floor(time - seconds * 1_000) * 1_000_000,
  });
}

/** The calendar date on which a time lies in UTC, where dates of contracts are kept as midnights. */
export function dateMessage(time: Millis): MessageInitShape<typeof DateSchema> {
  const date = new Date(time);
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
}

/** Null: the amount is not known. */
export function moneyMessage(
  minor: number | null,
  currency: string,
): MessageInitShape<typeof MoneySchema> | null {
  return minor === null ? null : { currencyCode: currency, minorUnits: BigInt(Math.round(minor)) };
}

/** A field that is left out where its value is not known. */
function optional<Name extends string, Value>(
  name: Name,
  value: Value | null,
): { [_ in Name]?: NonNullable<Value> } {
  return (value === null ? {} : { [name]: value }) as { [_ in Name]?: NonNullable<Value> };
}
