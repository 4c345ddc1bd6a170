import { fromJson, type JsonValue, type MessageInitShape } from '@bufbuild/protobuf';
import { ValueSchema } from '@bufbuild/protobuf/wkt';
import type { RiskChange } from '../engine/explain-change.js';
import type { Explanation } from '../engine/explain-risk.js';
import type { AppliedOverride, Contribution, Risk } from '../engine/risk.js';
import type { AppliedRiskOverrideSchema, RiskSchema } from '../gen/perennial/v1/risk_pb.js';
import {
  ConditionResult_Kind as ConditionKindPb,
  type ConditionResultSchema,
  type ContributionChangeSchema,
  type ExplainRiskResponseSchema,
  type RiskChangeSchema,
  RiskView,
} from '../gen/perennial/v1/risk_service_pb.js';
import type { ConditionResult } from '../rules/explain.js';
import { type NotInUse, notInUseInWords } from '../scoring/not-in-use.js';
import { CATEGORIES } from '../signals/signal.js';
import {
  bandMessage,
  categoryMessage,
  dateMessage,
  moneyMessage,
  optional,
  reversed,
  timestamp,
} from './messages.js';

/** Risks and their explanations as messages. */

const CONDITION_KIND: Readonly<Record<ConditionResult['kind'], ConditionKindPb>> = {
  all: ConditionKindPb.ALL,
  any: ConditionKindPb.ANY,
  not: ConditionKindPb.NOT,
  condition: ConditionKindPb.SHARED,
  comparison: ConditionKindPb.COMPARISON,
};

export const CONDITION_KIND_NAMES = reversed(CONDITION_KIND);

/** Contributions in a risk that was not asked to be explained. */
const MAIN_CONTRIBUTIONS = 5;

/** A risk with the contributions that add the most, or with all. */
export function riskMessage(risk: Risk, view = RiskView.MAIN): MessageInitShape<typeof RiskSchema> {
  const all = view === RiskView.FULL;
  return riskWith(risk, all ? risk.contributions : risk.contributions.slice(0, MAIN_CONTRIBUTIONS));
}

/** A risk with every contribution, every rule, and what changed since a risk it is compared with. */
export function explanationMessage(
  { risk, rules, rulesRevision, bandExits, notInUse }: Explanation,
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
      band: bandMessage(band),
    })),
    ...notInUseMessage(notInUse),
  };
}

function notInUseMessage(
  part: NotInUse,
): Pick<MessageInitShape<typeof ExplainRiskResponseSchema>, 'notInUse'> {
  const text = notInUseInWords(part);
  if (text === null) return {};
  const { share, features, missing } = part;
  return { notInUse: { share, features: [...features], missing: [...missing], text } };
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
    band: bandMessage(risk.band),
    unknownReason: risk.unknownReason,
    coverage: risk.coverage,
    subScores: CATEGORIES.map((category) => ({
      category: categoryMessage(category),
      ...optional('risk', risk.categoryRisk[category]),
    })),
    contributions: contributions.map(({ feature, category, value, curve, weight, points, reason }) => ({
      feature,
      category: categoryMessage(category),
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
