import type { Batch } from '../columns/batch.js';
import type { Condition } from './condition.js';
import { Evaluation } from './evaluation.js';
import { type Expression, ExpressionPool } from './expression.js';
import { type Program, programOf } from './program.js';
import type { RuleSet } from './rule-set.js';

/**
 * A rule set as a straight list of steps over columns. Every distinct comparison runs once over its column into a row of
 * bits; every distinct `all`, `any` and `not` is an and, or or not of such rows. No source is generated and nothing is
 * kept between calls but truths by dictionary, so one plan serves any number of callers.
 */
export interface Plan {
  readonly set: RuleSet;
  /** The facts that any rule or guardrail looks at: the columns a batch must have. Sorted. */
  readonly facts: readonly string[];
  /** The same with those of shared conditions that no rule names: what `evaluateFully` needs. */
  readonly factsOfAll: readonly string[];
  /** Runs every rule and guardrail over every row. The batch needs a column for each of `facts`, of the fact's kind. */
  evaluate(batch: Batch): Evaluation;
  /** The same, with every condition inside every rule kept, for explanations. */
  evaluateFully(batch: Batch): Evaluation;
  /** How one expression comes out for each row. */
  evaluateOnly(expression: Expression, batch: Batch): boolean[];
  /** What a rule's or guardrail's conditions, or a part of them, became. */
  expressionOf(condition: Condition): Expression;
}

/** Compiles a checked rule set. Costs some microseconds a rule. */
export function compileRuleSet(set: RuleSet): Plan {
  const pool = new ExpressionPool(
    new Map([...set.conditions].map(([name, shared]) => [name, shared.condition])),
  );
  /** The pool knows them by what they say, which takes longer to spell out than to look up. */
  const expressions = new WeakMap<Condition, Expression>();
  const rules = set.rules.map((rule) => pool.of(rule.conditions));
  const guardrails = set.guardrails.map(({ when }) => (when === undefined ? null : pool.of(when)));
  for (const { condition } of set.conditions.values()) pool.of(condition);
  const roots = [...rules, ...guardrails.filter((e) => e !== null)];
  const program = programOf(roots, set.facts);
  let full: Program | undefined;
  const fullProgram = (): Program => {
    full ??= programOf(pool.all, set.facts);
    return full;
  };
  const evaluation = (chosen: Program, batch: Batch): Evaluation =>
    new Evaluation(set, rules, guardrails, chosen.slots, batch.length, chosen.run(batch));
  return {
    set,
    facts: program.facts,
    evaluate: (batch) => evaluation(program, batch),
    get factsOfAll() {
      return fullProgram().facts;
    },
    evaluateFully: (batch) => evaluation(fullProgram(), batch),
    evaluateOnly: (expression, batch) => {
      const only = evaluation(programOf([expression], set.facts), batch);
      return Array.from({ length: batch.length }, (_, row) => only.holds(expression, row));
    },
    expressionOf(condition) {
      const known = expressions.get(condition) ?? pool.of(condition);
      expressions.set(condition, known);
      return known;
    },
  };
}
