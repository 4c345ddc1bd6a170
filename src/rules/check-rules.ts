import type { Fact } from '../columns/fact.js';
import type { Problem } from '../core/problem.js';
import { problemAt } from '../core/yaml-file.js';
import { alwaysStopped } from './check-guarded.js';
import { checkPairs } from './check-pairs.js';
import { ExpressionPool } from './expression.js';
import type { Placed, PlacedCondition, PlacedRule } from './placed.js';
import type { Guardrail, Offer, Rule } from './rule-set.js';
import { satisfy } from './satisfy.js';

export interface RulesToCheck {
  readonly rules: readonly PlacedRule[];
  /** Conditions of rules of which nothing else can be read. */
  readonly others: readonly PlacedCondition[];
  readonly shared: ReadonlyMap<string, PlacedCondition>;
  readonly guardrails: readonly Placed<Guardrail>[];
  readonly offers: ReadonlyMap<string, Offer>;
  readonly facts: ReadonlyMap<string, Fact>;
}

/**
 * What only shows when a rule is seen as a whole, or beside the others: it can never fire, fires for everyone, is always
 * stopped by a guardrail, says the same as another, or never comes to its turn. Certain where it speaks: it has tried every
 * class of facts. Silent where two facts are compared with each other and that would decide.
 */
export function checkRules({ rules, others, shared, guardrails, offers, facts }: RulesToCheck): Problem[] {
  const pool = new ExpressionPool(new Map([...shared].map(([name, { condition }]) => [name, condition])));
  const known = rules.map((placed) => ({ placed, expression: pool.of(placed.condition) }));
  return [
    ...[...rules, ...others].flatMap((placed) => checkOutcome(placed, pool, facts)),
    ...known.flatMap((one) => alwaysStopped(one, guardrails, offers, pool, facts)),
    ...checkPairs(known, guardrails, offers, pool, facts),
  ];
}

/** A rule of which all conditions are known to hold for nobody, or for everybody. */
function checkOutcome(
  placed: PlacedCondition & { readonly rule?: Rule },
  pool: ExpressionPool,
  facts: ReadonlyMap<string, Fact>,
): Problem[] {
  const { file, path, condition, rule } = placed;
  const expression = pool.of(condition);
  const subject = rule === undefined ? 'This rule' : `The rule \`${rule.name}\``;
  if (satisfy(expression, facts).answer === 'no') {
    const message = `${subject} can never fire: no facts fulfil all of its conditions together.`;
    return [problemAt(file, path, 'never-fires', message, { key: true })];
  }
  if (satisfy(expression, facts, false).answer === 'no') {
    const message = `${subject} fires for every subscription, whatever its facts.`;
    return [problemAt(file, path, 'always-fires', message, { severity: 'warning', key: true })];
  }
  return [];
}
