import type { Fact } from '../columns/fact.js';
import type { Problem } from '../core/problem.js';
import { problemAt } from '../core/yaml-file.js';
import type { PlacedCondition } from './check-conditions.js';
import { type Expression, ExpressionPool, factsOf } from './expression.js';
import type { Rule } from './rule-set.js';
import { satisfy } from './satisfy.js';

/** A rule together with where it was read. */
export interface PlacedRule extends PlacedCondition {
  readonly rule: Rule;
  readonly rulePath: readonly PropertyKey[];
}

/**
 * What only shows when a rule is seen as a whole, or beside the others: it can never fire, fires for everyone, says the
 * same as another, or always fires together with another that makes a different offer. Certain where it speaks: it
 * has tried every class of facts. Silent where two facts are compared with each other and that would decide.
 */
export function checkRules(
  rules: readonly PlacedRule[],
  shared: ReadonlyMap<string, PlacedCondition>,
  facts: ReadonlyMap<string, Fact>,
): Problem[] {
  const pool = new ExpressionPool(new Map([...shared].map(([name, { condition }]) => [name, condition])));
  const known = rules.map((placed) => ({ placed, expression: pool.of(placed.condition) }));
  const problems: Problem[] = [];
  for (const { placed, expression } of known) {
    if (satisfy(expression, facts).answer === 'no') {
      const message = `The rule \`${placed.rule.name}\` can never fire: no facts fulfil all of its conditions together.`;
      problems.push(problemAt(placed.file, placed.path, 'never-fires', message, { key: true }));
    } else if (satisfy(expression, facts, false).answer === 'no') {
      const message = `The rule \`${placed.rule.name}\` fires for every subscription, whatever its facts.`;
      problems.push(
        problemAt(placed.file, placed.path, 'always-fires', message, { severity: 'warning', key: true }),
      );
    }
  }
  problems.push(...checkPairs(known, pool, facts));
  return problems;
}

interface Known {
  readonly placed: PlacedRule;
  readonly expression: Expression;
}

/** Rules that fire for the same subscriptions. Only rules that look at the same facts can, so only those are compared. */
function checkPairs(
  known: readonly Known[],
  pool: ExpressionPool,
  facts: ReadonlyMap<string, Fact>,
): Problem[] {
  const groups = new Map<string, Known[]>();
  for (const one of known) {
    const key = factsOf(one.expression).join(' ');
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  const problems: Problem[] = [];
  for (const group of groups.values()) {
    for (const [i, later] of group.entries()) {
      const earlier = group
        .slice(Math.max(0, i - PAIRS_BACK), i)
        .find((other) => concerns(other, later) && alwaysTogether(other, later, pool, facts));
      if (earlier !== undefined) problems.push(pairProblem(earlier, later));
    }
  }
  return problems;
}

/** Rules before it, of those on the same facts, that a rule is compared with: generated sets have thousands. */
const PAIRS_BACK = 50;

/** Whether it would matter that two rules always fire together: same event, or two different offers. */
function concerns(a: Known, b: Known): boolean {
  const [first, second] = [a.placed.rule.event, b.placed.rule.event];
  return first.type === second.type && (first.type === 'offer' || sameEvent(a, b));
}

function sameEvent(a: Known, b: Known): boolean {
  return JSON.stringify(a.placed.rule.event) === JSON.stringify(b.placed.rule.event);
}

function alwaysTogether(a: Known, b: Known, pool: ExpressionPool, facts: ReadonlyMap<string, Fact>): boolean {
  if (a.expression === b.expression) return true;
  return (
    satisfy(pool.both(a.expression, pool.negated(b.expression)), facts).answer === 'no' &&
    satisfy(pool.both(b.expression, pool.negated(a.expression)), facts).answer === 'no'
  );
}

function pairProblem(earlier: Known, later: Known): Problem {
  const { file, rulePath, rule } = later.placed;
  const other = earlier.placed.rule;
  const where = `${other.place.file}:${other.place.line}`;
  if (sameEvent(earlier, later)) {
    const message = `The rule \`${rule.name}\` says the same as \`${other.name}\` (${where}): same conditions, same event.`;
    return problemAt(file, rulePath, 'same-rule', message, { severity: 'warning' });
  }
  const winner = other.priority >= rule.priority ? other : rule;
  const message =
    `The rules \`${other.name}\` (${where}) and \`${rule.name}\` always fire together with different offers, ` +
    `and one offer is open at a time: unless a guardrail stops it, \`${winner.name}\` always wins.`;
  return problemAt(file, rulePath, 'conflicting-offers', message, { severity: 'warning' });
}
