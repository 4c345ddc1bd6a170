import type { Condition } from '../rules/condition.js';
import type { Evaluation } from '../rules/evaluation.js';
import type { Plan } from '../rules/plan.js';
import { comparisonInWords } from '../rules/words.js';

/** What tests have shown of a rule set. */
export interface Coverage {
  /** Rules that some test made fire and some test left silent. */
  readonly covered: number;
  readonly rules: number;
  /** What no test has shown, by rule. */
  readonly gaps: readonly CoverageGap[];
}

export interface CoverageGap {
  readonly rule: string;
  readonly neverFired: boolean;
  readonly neverSilent: boolean;
  /** Comparisons, in words, that no test made true, or false. */
  readonly neverTrue: readonly string[];
  readonly neverFalse: readonly string[];
}

/** Says which rules and which comparisons no row of an evaluation made true and false. The evaluation has to be full. */
export function coverageOf(plan: Plan, evaluation: Evaluation): Coverage {
  const gaps: CoverageGap[] = [];
  plan.set.rules.forEach((rule, i) => {
    const fired = evaluation.fired(i).count();
    const seen = new Set<string>();
    const neverTrue: string[] = [];
    const neverFalse: string[] = [];
    for (const comparison of comparisonsOf(rule.conditions, plan)) {
      const words = comparisonInWords(comparison as Parameters<typeof comparisonInWords>[0], plan.set.facts);
      if (seen.has(words)) continue;
      seen.add(words);
      const held = evaluation.bitsOf(plan.expressionOf(comparison)).count();
      if (held === 0) neverTrue.push(words);
      if (held === evaluation.length) neverFalse.push(words);
    }
    const gap = {
      rule: rule.name,
      neverFired: fired === 0,
      neverSilent: fired === evaluation.length,
      neverTrue,
      neverFalse,
    };
    if (gap.neverFired || gap.neverSilent || neverTrue.length > 0 || neverFalse.length > 0) gaps.push(gap);
  });
  return {
    covered: plan.set.rules.length - gaps.filter((gap) => gap.neverFired || gap.neverSilent).length,
    rules: plan.set.rules.length,
    gaps,
  };
}

/** The comparisons of some conditions, those of shared conditions included. */
function comparisonsOf(condition: Condition, plan: Plan): Condition[] {
  if (condition.not !== undefined) return comparisonsOf(condition.not, plan);
  if (condition.condition !== undefined) {
    return comparisonsOf(plan.set.conditions.get(condition.condition)!.condition, plan);
  }
  const parts = condition.all ?? condition.any;
  return parts === undefined ? [condition] : parts.flatMap((part) => comparisonsOf(part, plan));
}
