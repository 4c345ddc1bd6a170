import type { Batch } from '../columns/batch.js';
import { type Value, valueAt } from '../columns/column.js';
import type { Comparison, Condition } from './condition.js';
import type { Evaluation } from './evaluation.js';
import type { RuleEvent } from './event.js';
import { isFactReference } from './expression.js';
import type { Plan } from './plan.js';
import { comparisonInWords, valueInWords } from './words.js';

/** How one rule came out for one subscription. */
export interface RuleExplanation {
  readonly rule: string;
  readonly description: string;
  readonly priority: number;
  readonly event: RuleEvent;
  readonly fired: boolean;
  readonly conditions: ConditionResult;
}

/** How a condition came out, with those inside it. */
export interface ConditionResult {
  readonly held: boolean;
  readonly kind: 'all' | 'any' | 'not' | 'condition' | 'comparison';
  /** In words: "all of", "any of", "not", the name of a shared condition, or the comparison. */
  readonly text: string;
  readonly parts: readonly ConditionResult[];
  /** What the facts of a comparison were; empty for other kinds. */
  readonly facts: Readonly<Record<string, Value>>;
}

/**
 * Says for every rule, in priority order, how each of its conditions came out for one row. The results are read off the
 * plan's own registers; nothing is evaluated a second way.
 */
export function explainRow(plan: Plan, batch: Batch, row: number): RuleExplanation[] {
  const evaluation = plan.evaluateFully(batch);
  return plan.set.rules.map((rule, i) => ({
    rule: rule.name,
    description: rule.description,
    priority: rule.priority,
    event: rule.event,
    fired: evaluation.hasFired(i, row),
    conditions: explainCondition(plan, batch, row, evaluation, rule.conditions),
  }));
}

/** The same for one tree of the plan's rule set, such as a guardrail's `when`. `evaluation`: from `evaluateFully`. */
function explainCondition(
  plan: Plan,
  batch: Batch,
  row: number,
  evaluation: Evaluation,
  condition: Condition,
): ConditionResult {
  const held = evaluation.holds(plan.expressionOf(condition), row);
  const inside = (parts: readonly Condition[]): ConditionResult[] =>
    parts.map((part) => explainCondition(plan, batch, row, evaluation, part));
  const result = (
    kind: ConditionResult['kind'],
    text: string,
    parts: readonly ConditionResult[],
    facts: Record<string, Value> = {},
  ): ConditionResult => ({ held, kind, text, parts, facts });

  if (condition.all !== undefined) return result('all', 'all of', inside(condition.all));
  if (condition.any !== undefined) return result('any', 'any of', inside(condition.any));
  if (condition.not !== undefined) return result('not', 'not', inside([condition.not]));
  if (condition.condition !== undefined) {
    const shared = plan.set.conditions.get(condition.condition)!;
    return result('condition', condition.condition, inside([shared.condition]));
  }
  const comparison = condition as Comparison;
  const names = isFactReference(comparison.value)
    ? [comparison.fact, comparison.value.fact]
    : [comparison.fact];
  const facts = Object.fromEntries(names.map((name) => [name, valueAt(batch.column(name), row)]));
  return result('comparison', comparisonInWords(comparison, plan.set.facts), [], facts);
}

/** An explanation as indented lines, each with a mark for held or not, and the value that a comparison met. */
export function explanationLines(
  explanation: Pick<RuleExplanation, 'rule' | 'fired' | 'conditions'>,
): string[] {
  const headline = `${explanation.fired ? 'fired' : 'did not fire'}: ${explanation.rule}`;
  return [headline, ...conditionLines(explanation.conditions).map((line) => `  ${line}`)];
}

/** A condition and those inside it, two spaces deeper each, as lines: "+" it held, "-" it did not. */
function conditionLines(condition: ConditionResult): string[] {
  return [
    `${condition.held ? '+' : '-'} ${metInWords(condition)}`,
    ...condition.parts.flatMap(conditionLines).map((line) => `  ${line}`),
  ];
}

/**
 * Why a condition held, as one line for each comparison that made it so, with the value it met. Empty when it did not hold.
 * A rule's own comparisons come first, those of the shared conditions that it names after them: many rules name those, so
 * they tell least of it.
 */
export function reasonsInWords(
  plan: Plan,
  batch: Batch,
  row: number,
  evaluation: Evaluation,
  condition: Condition,
): string[] {
  const found: { line: string; depth: number }[] = [];
  const visit = (result: ConditionResult, depth: number): void => {
    if (!result.held) return;
    if (result.kind === 'not')
      found.push({ line: `not: ${result.parts.map(({ text }) => text).join(', ')}`, depth });
    else if (result.kind === 'comparison') found.push({ line: metInWords(result), depth });
    else for (const part of result.parts) visit(part, depth + (result.kind === 'condition' ? 1 : 0));
  };
  visit(explainCondition(plan, batch, row, evaluation, condition), 0);
  return found.sort((a, b) => a.depth - b.depth).map(({ line }) => line);
}

/** A condition in words, with the values that a comparison met. */
function metInWords({ text, facts }: ConditionResult): string {
  const met = Object.entries(facts).map(([name, value]) => `${name} = ${valueInWords(value)}`);
  return met.length === 0 ? text : `${text} (${met.join(', ')})`;
}

/** Why a rule did not fire: the comparisons that decided against it, with the values they met. */
export function failedLines(explanation: RuleExplanation | undefined): string[] {
  if (explanation === undefined || explanation.fired) return [];
  const lines: string[] = [];
  const visit = (result: ConditionResult, wanted: boolean): void => {
    if (result.held === wanted) return;
    if (result.kind === 'comparison') {
      lines.push(`${wanted ? 'not' : 'but'}: ${metInWords(result)}`);
    } else for (const part of result.parts) visit(part, result.kind === 'not' ? !wanted : wanted);
  };
  visit(explanation.conditions, true);
  return lines;
}
