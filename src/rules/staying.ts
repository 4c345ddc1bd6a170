import type { Condition } from './condition.js';
import { isFactReference } from './expression.js';
import { compileRuleSet, type Plan } from './plan.js';
import type { RuleSet } from './rule-set.js';

/**
 * The plan by which open decisions stay: every rule without its comparisons of history. A rule on an edge, such as
 * "critical, and low or medium before", holds for one pass only; what it opened stays for as long as the rest of it holds.
 * So does what a rule opened that asks for the time since the last offer. A rule of which nothing else is left always holds.
 */
export function compileStaying(set: RuleSet): Plan {
  const rest = restOf(set);
  return compileRuleSet({
    ...set,
    rules: set.rules.map((rule) => ({ ...rule, conditions: rest(rule.conditions) ?? ALWAYS })),
    conditions: new Map(),
    guardrails: [],
  });
}

const ALWAYS: Condition = { all: [] };

/** What is left of a condition without history; undefined when it has to count as holding. */
function restOf({ facts, conditions }: RuleSet): (condition: Condition) => Condition | undefined {
  const isHistory = (name: unknown): boolean =>
    typeof name === 'string' && facts.get(name)?.origin === 'history';
  const rest = (condition: Condition): Condition | undefined => {
    if (condition.all !== undefined) {
      const left = condition.all.map(rest).filter((part) => part !== undefined);
      return left.length === 0 && condition.all.length > 0 ? undefined : { all: left };
    }
    if (condition.any !== undefined) {
      const left = condition.any.map(rest);
      return left.includes(undefined) ? undefined : { any: left as Condition[] };
    }
    if (condition.not !== undefined)
      return asksHistory(condition.not) ? undefined : { not: rest(condition.not) ?? ALWAYS };
    if (condition.condition !== undefined) return rest(conditions.get(condition.condition)!.condition);
    return asksHistory(condition) ? undefined : condition;
  };
  const asksHistory = (condition: Condition): boolean => {
    const parts = condition.all ?? condition.any;
    if (parts !== undefined) return parts.some(asksHistory);
    if (condition.not !== undefined) return asksHistory(condition.not);
    if (condition.condition !== undefined) return asksHistory(conditions.get(condition.condition)!.condition);
    return isHistory(condition.fact) || (isFactReference(condition.value) && isHistory(condition.value.fact));
  };
  return rest;
}
