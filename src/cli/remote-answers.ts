import { type JsonValue, toJson } from '@bufbuild/protobuf';
import { timestampMs, ValueSchema } from '@bufbuild/protobuf/wkt';
import { BAND_NAMES, CATEGORY_NAMES } from '../api/messages.js';
import { CONDITION_KIND_NAMES } from '../api/risk-messages.js';
import type * as pb from '../client/index.js';
import type { Value } from '../columns/column.js';
import type { Millis } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import type { RiskChange } from '../engine/explain-change.js';
import type { Explanation } from '../engine/explain-risk.js';
import type { Contribution, Risk } from '../engine/risk.js';
import type { ConditionResult, RuleExplanation } from '../rules/explain.js';
import type { Category } from '../signals/signal.js';

/** Answers of a running engine in the form in which the engine has them, so that a command prints both alike. */

/** What `explain` prints of a rule. */
export type ExplainedRule = Omit<RuleExplanation, 'event'>;
export type ExplainedRisk = Omit<Explanation, 'rules' | 'bandExits'> & {
  readonly rules: readonly ExplainedRule[];
  /** What made it another one than at an earlier time, where that was asked. */
  readonly change?: RiskChange;
};

export function riskOf(message: pb.Risk): Risk {
  const scores = new Map(message.subScores.map(({ category, risk }) => [category, risk ?? null]));
  const categoryRisk = Object.fromEntries(
    [...CATEGORY_NAMES]
      .filter(([, name]) => name !== 'contract')
      .map(([category, name]) => [name, scores.get(category) ?? null]),
  ) as Record<Category, number | null>;
  return {
    subscriptionId: message.subscriptionId,
    accountId: message.accountId,
    asOf: timestampMs(there(message.asOf)),
    risk: message.risk ?? null,
    computedRisk: message.computedRisk,
    override: overrideOf(message.override),
    renewalProbability: message.renewalProbability ?? null,
    band: there(BAND_NAMES.get(message.band)),
    unknownReason: message.unknownReason,
    coverage: message.coverage,
    categoryRisk,
    contributions: message.contributions.map(contributionOf),
    arrMinor: minorOf(message.arr),
    currency: message.arr?.currencyCode ?? '',
    arrAtRiskMinor: minorOf(message.arrAtRisk),
    renewal: dateOf(message.renewalDate),
    segment: message.segment,
    product: message.product,
    plan: message.plan,
    owner: message.owner,
    scorecard: message.scorecard,
    scoringRevision: message.scoringRevision,
  };
}

export function explanationOf({
  risk,
  rules,
  rulesRevision,
  comparedRisk,
  change,
  notInUse,
}: pb.ExplainRiskResponse): ExplainedRisk {
  return {
    risk: riskOf(there(risk)),
    rules: rules.map(({ rule, description, priority, fired, condition }) => ({
      rule,
      description,
      priority,
      fired,
      conditions: conditionOf(there(condition)),
    })),
    rulesRevision,
    notInUse: {
      scorecard: there(risk).scorecard,
      share: notInUse?.share ?? 0,
      features: notInUse?.features ?? [],
      missing: notInUse?.missing ?? [],
    },
    ...(change === undefined
      ? {}
      : {
          change: changeOf(change, timestampMs(there(comparedRisk?.asOf)), timestampMs(there(risk?.asOf))),
        }),
  };
}

function changeOf(message: pb.RiskChange, since: Millis, asOf: Millis): RiskChange {
  const { signals, passingTime, missingData, cardEdit, override } = message;
  const total = signals + passingTime + missingData + cardEdit + override;
  return {
    ...{ since, asOf, scoringRevisionBefore: message.scoringRevisionBefore },
    ...{ riskBefore: message.riskBefore ?? null, riskAfter: message.riskAfter ?? null },
    parts: { signals, passingTime, missingData, cardEdit, override, total },
  };
}

function contributionOf({
  feature,
  category,
  value,
  curve,
  weight,
  points,
  reason,
}: pb.Contribution): Contribution {
  return {
    feature,
    category: there(CATEGORY_NAMES.get(category)),
    value: value ?? null,
    curve: curve ?? null,
    weight,
    points,
    reason,
  };
}

function overrideOf(override: pb.AppliedRiskOverride | undefined): Risk['override'] {
  if (override === undefined) return null;
  const { reason, author, setTime, endTime } = override;
  return { reason, author, setAt: timestampMs(there(setTime)), until: timestampMs(there(endTime)) };
}

function conditionOf({ kind, text, held, facts, parts }: pb.ConditionResult): ConditionResult {
  return {
    held,
    kind: there(CONDITION_KIND_NAMES.get(kind)),
    text,
    parts: parts.map(conditionOf),
    facts: Object.fromEntries(
      Object.entries(facts).map(([name, value]) => [name, toJson(ValueSchema, value) as JsonValue as Value]),
    ),
  };
}

export function minorOf(money: pb.Money | undefined): number | null {
  return money === undefined ? null : Number(money.minorUnits);
}

function dateOf(date: { year: number; month: number; day: number } | undefined): number | null {
  return date === undefined ? null : Date.UTC(date.year, date.month - 1, date.day);
}

/** What the contract promises to be there. */
export function there<T>(value: T | undefined): T {
  if (value !== undefined) return value;
  throw new PerennialError('internal', 'The server answers in a form that this version does not read.', {
    hint: 'Use the version of `perennial` that the server is.',
  });
}
