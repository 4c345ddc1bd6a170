import type { Batch } from '../columns/batch.js';
import { Bitset } from '../columns/bitset.js';
import type { Condition } from './condition.js';
import { type Expression, ExpressionPool, factsOf } from './expression.js';
import { type Kernel, kernelOf } from './leaf-kernel.js';
import type { Guardrail, Rule, RuleSet } from './rule-set.js';

/**
 * A rule set as a straight list of steps over columns. Every distinct comparison runs once over its column into a row of
 * bits ("register"); every distinct `all`, `any` and `not` is an and, or or not of registers. No source is generated and
 * nothing is cached between calls but truths by dictionary, so one plan serves any number of callers.
 */
export interface Plan {
  readonly set: RuleSet;
  /** The facts that any rule or guardrail looks at: the columns a batch must have. Sorted. */
  readonly facts: readonly string[];
  /** Runs every rule over every row. The batch needs a column for each of `facts`, of the fact's kind. */
  evaluate(batch: Batch): Evaluation;
  /** The expression that a rule's or guardrail's conditions became. */
  expressionOf(condition: Condition): Expression;
}

/** Compiles a checked rule set. Costs some microseconds a rule. */
export function compileRuleSet(set: RuleSet): Plan {
  const pool = new ExpressionPool(
    new Map([...set.conditions].map(([name, shared]) => [name, shared.condition])),
  );
  const rules = set.rules.map((rule) => pool.of(rule.conditions));
  const guardrails = set.guardrails.map((guardrail) =>
    guardrail.when === undefined ? null : pool.of(guardrail.when),
  );
  const roots = [...rules, ...guardrails.filter((e): e is Expression => e !== null)];
  const steps = stepsOf(pool.all);
  const facts = [...new Set(roots.flatMap(factsOf))].sort();
  return {
    set,
    facts,
    evaluate: (batch) => new Evaluation(set, rules, guardrails, batch, run(steps, batch)),
    expressionOf: (condition) => pool.of(condition),
  };
}

/** What a plan found for a batch. Results are computed; asking is cheap. */
export class Evaluation {
  readonly #set: RuleSet;
  readonly #rules: readonly Expression[];
  readonly #guardrails: readonly (Expression | null)[];
  readonly #batch: Batch;
  readonly #registers: Uint32Array;
  readonly #words: number;

  constructor(
    set: RuleSet,
    rules: readonly Expression[],
    guardrails: readonly (Expression | null)[],
    batch: Batch,
    registers: Uint32Array,
  ) {
    this.#set = set;
    this.#rules = rules;
    this.#guardrails = guardrails;
    this.#batch = batch;
    this.#registers = registers;
    this.#words = wordsOf(batch.length);
  }

  get length(): number {
    return this.#batch.length;
  }

  /** The rows that the rule at this place of `set.rules` (priority order) fires for. */
  fired(rule: number): Bitset {
    return this.bitsOf(this.#rules[rule]!);
  }

  /** Whether that rule fires for that row. */
  hasFired(rule: number, row: number): boolean {
    return this.holds(this.#rules[rule]!, row);
  }

  /** The rules that fire for a row, in priority order. */
  rulesOf(row: number): Rule[] {
    return this.#set.rules.filter((_, i) => this.holds(this.#rules[i]!, row));
  }

  /** The guardrails that apply to a row: those without `when`, and those whose `when` holds. In the file's order. */
  guardrailsOf(row: number): Guardrail[] {
    return this.#set.guardrails.filter((_, i) => {
      const when = this.#guardrails[i]!;
      return when === null || this.holds(when, row);
    });
  }

  /** Whether an expression of the plan holds for a row. */
  holds(expression: Expression, row: number): boolean {
    const word = this.#registers[expression.id * this.#words + (row >>> 5)]!;
    return ((word >>> (row & 31)) & 1) === 1;
  }

  /** The rows that an expression of the plan holds for. */
  bitsOf(expression: Expression): Bitset {
    const from = expression.id * this.#words;
    const words = this.#registers.slice(from, from + this.#words);
    const spare = this.length & 31;
    if (spare !== 0) words[words.length - 1]! &= (1 << spare) - 1;
    return new Bitset(this.length, words);
  }
}

/** One step: fills the register of an expression. Registers of its parts are filled by then. */
type Step = (registers: Uint32Array, words: number, batch: Batch) => void;

function stepsOf(expressions: Iterable<Expression>): Step[] {
  return Array.from(expressions, stepOf);
}

function stepOf(expression: Expression): Step {
  const { id } = expression;
  switch (expression.kind) {
    case 'constant':
      return (registers, words) => {
        registers.fill(expression.value ? 0xffffffff : 0, id * words, (id + 1) * words);
      };
    case 'leaf': {
      const kernel: Kernel = kernelOf(expression);
      return (registers, words, batch) => kernel(batch, registers, id * words);
    }
    case 'not': {
      const part = expression.part.id;
      return (registers, words) => {
        const to = id * words;
        const from = part * words;
        for (let w = 0; w < words; w++) registers[to + w] = ~registers[from + w]!;
      };
    }
    case 'all':
    case 'any': {
      const parts = Int32Array.from(expression.parts, (part) => part.id);
      return expression.kind === 'all' ? andOf(id, parts) : orOf(id, parts);
    }
  }
}

function andOf(id: number, parts: Int32Array): Step {
  return (registers, words) => {
    const to = id * words;
    for (let w = 0; w < words; w++) {
      let word = registers[parts[0]! * words + w]!;
      for (let p = 1; p < parts.length; p++) word &= registers[parts[p]! * words + w]!;
      registers[to + w] = word;
    }
  };
}

function orOf(id: number, parts: Int32Array): Step {
  return (registers, words) => {
    const to = id * words;
    for (let w = 0; w < words; w++) {
      let word = registers[parts[0]! * words + w]!;
      for (let p = 1; p < parts.length; p++) word |= registers[parts[p]! * words + w]!;
      registers[to + w] = word;
    }
  };
}

function run(steps: readonly Step[], batch: Batch): Uint32Array {
  const words = wordsOf(batch.length);
  const registers = new Uint32Array(steps.length * words);
  for (const step of steps) step(registers, words, batch);
  return registers;
}

function wordsOf(rows: number): number {
  return (rows + 31) >>> 5;
}
