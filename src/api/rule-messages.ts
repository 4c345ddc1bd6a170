import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Fact } from '../columns/fact.js';
import type { Problem } from '../core/problem.js';
import type { RuleImpact } from '../engine/rule-impact.js';
import type { KeptRules } from '../engine/rule-sets.js';
import {
  Fact_Kind as FactKind,
  type FactSchema,
  type PreviewRulesResponseSchema,
  type ProblemSchema,
  type RuleChangeSchema,
  type RuleSetSchema,
  Problem_Severity as Severity,
} from '../gen/perennial/v1/rule_service_pb.js';
import type { Change } from '../rules/diff.js';
import { EVENT_TYPES } from '../rules/event.js';
import { differenceInWords } from '../rules/refusal.js';
import type { RuleSet } from '../rules/rule-set.js';
import type { Difference } from '../rules/verify.js';
import { conditionInWords } from '../rules/words.js';
import { kindMessage, moneyMessage, timestamp } from './messages.js';

const FACT_KIND: Readonly<Record<Fact['kind'], FactKind>> = {
  number: FactKind.NUMBER,
  boolean: FactKind.BOOLEAN,
  string: FactKind.TEXT,
  list: FactKind.LIST,
};

const SEVERITY: Readonly<Record<Problem['severity'], Severity>> = {
  error: Severity.ERROR,
  warning: Severity.WARNING,
};

export function ruleSetMessage(kept: KeptRules) {
  const { revision, live, recordedAt, files, set, problems } = kept;
  return {
    revision,
    live,
    ...(recordedAt === null ? {} : { firstLiveTime: timestamp(recordedAt) }),
    ...(set === undefined ? {} : contentsOf(set)),
    problems: problems.map(problemMessage),
    files: Object.fromEntries(files),
    fileNames: [...files.keys()].sort(),
  } satisfies MessageInitShape<typeof RuleSetSchema>;
}

function contentsOf({ rules, offers, guardrails, facts }: RuleSet) {
  return {
    rules: rules.map(({ name, description, priority, event, conditions, place }) => ({
      rule: name,
      description,
      priority,
      kind: kindMessage(event.type),
      action: event.type === 'offer' ? event.params.offer : event.params.topic,
      condition: conditionInWords(conditions, facts),
      file: place.file,
      line: place.line,
    })),
    offers: [...offers.values()].map((offer) => ({
      offer: offer.name,
      description: offer.description,
      offerKind: offer.kind,
      discountPct: offer.discount_pct,
      discountMonths: offer.discount_months,
      validDays: offer.valid_days,
    })),
    guardrails: guardrails.map(({ name, description, kind, when }) => ({
      guardrail: name,
      description,
      guardrailKind: kind,
      condition: when === undefined ? '' : conditionInWords(when, facts),
    })),
  } satisfies MessageInitShape<typeof RuleSetSchema>;
}

export function problemMessage({
  severity,
  suggestion = '',
  ...problem
}: Problem): MessageInitShape<typeof ProblemSchema> {
  return { ...problem, severity: SEVERITY[severity], suggestion };
}

/** A rule that would not do what json-rules-engine does, as a problem of the set. */
export function differenceProblem(difference: Difference): Problem {
  const message = differenceInWords(difference);
  return { severity: 'error', code: 'not-equivalent', message, file: '', line: 1, column: 1 };
}

export function factMessage(fact: Fact): MessageInitShape<typeof FactSchema> {
  const [least, most] = fact.range;
  return {
    fact: fact.name,
    kind: FACT_KIND[fact.kind],
    description: fact.description,
    unit: fact.unit,
    ...(least === null ? {} : { minValue: least }),
    ...(most === null ? {} : { maxValue: most }),
    values: [...(fact.values ?? [])],
    origin: fact.origin,
    optional: fact.optional,
  };
}

export function changeMessage({
  kind,
  what,
  name,
  details,
  matters,
}: Change): MessageInitShape<typeof RuleChangeSchema> {
  return { change: kind, what, name, details: [...details], matters };
}

export function impactMessage(impact: RuleImpact) {
  return {
    asOf: timestamp(impact.asOf),
    subscriptionCount: impact.subscriptions,
    affectedCount: impact.affected,
    affectedArr: amountsMessage(impact.arrMinor),
    kinds: EVENT_TYPES.map((kind) => {
      const { gain, lose, change } = impact.byKind[kind];
      return { kind: kindMessage(kind), gainCount: gain, loseCount: lose, changeCount: change };
    }),
    rules: impact.rules.map(({ rule, fires, opens, waits, costMinor, suppressed }) => ({
      rule,
      fireCount: fires,
      openCount: opens,
      waitCount: waits,
      cost: amountsMessage(costMinor),
      suppressedCounts: { ...suppressed },
    })),
    examples: impact.examples.map(({ accountId, subscriptionId, arrMinor, currency, before, after }) => {
      const arr = moneyMessage(arrMinor, currency);
      return {
        accountId,
        subscriptionId,
        ...(arr === null ? {} : { arr }),
        before: [...before],
        after: [...after],
      };
    }),
  } satisfies MessageInitShape<typeof PreviewRulesResponseSchema>;
}

/** Amounts by currency, in the order of currencies. */
function amountsMessage(minorBy: Readonly<Record<string, number>>) {
  return Object.keys(minorBy)
    .sort()
    .map((currency) => moneyMessage(minorBy[currency]!, currency)!);
}
