import type { Comparison, Condition, Literal } from './condition.js';

/**
 * Conditions with references resolved and equal parts shared: what plans, checks and verification work on. Two
 * expressions of one ExpressionPool mean the same conditions exactly when they are the same object.
 */
export type Expression = Constant | Leaf | Junction | Negation;

export interface Constant {
  readonly kind: 'constant';
  readonly id: number;
  readonly value: boolean;
}

/** One comparison of a fact. */
export interface Leaf {
  readonly kind: 'leaf';
  readonly id: number;
  readonly comparison: Comparison;
  /** The fact on the other side, or null when the comparison is with a literal. */
  readonly otherFact: string | null;
}

export interface Junction {
  readonly kind: 'all' | 'any';
  readonly id: number;
  readonly parts: readonly Expression[];
}

export interface Negation {
  readonly kind: 'not';
  readonly id: number;
  readonly part: Expression;
}

/** The fact that a comparison's value names, or null when it is a literal. */
export function otherFactOf(value: Comparison['value']): string | null {
  return isFactReference(value) ? value.fact : null;
}

export function isFactReference(value: unknown): value is { readonly fact: string } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, 'fact');
}

/** Makes expressions, each distinct one once. */
export class ExpressionPool {
  readonly #byKey = new Map<string, Expression>();
  readonly #shared = new Map<string, Expression>();
  readonly #conditions: ReadonlyMap<string, Condition>;

  /** `conditions`: the shared conditions that references name. They must exist and have no cycles; `check` sees to both. */
  constructor(conditions: ReadonlyMap<string, Condition>) {
    this.#conditions = conditions;
  }

  /** Every distinct expression so far, parts before what they are parts of. */
  get all(): Iterable<Expression> {
    return this.#byKey.values();
  }

  of(condition: Condition): Expression {
    if (condition.all !== undefined) return this.#junction('all', condition.all);
    if (condition.any !== undefined) return this.#junction('any', condition.any);
    if (condition.not !== undefined) return this.#not(this.of(condition.not));
    if (condition.condition !== undefined) return this.#reference(condition.condition);
    return this.#leaf({
      fact: condition.fact!,
      operator: condition.operator!,
      value: condition.value as Comparison['value'],
    });
  }

  /** What holds when both hold. */
  both(a: Expression, b: Expression): Expression {
    return this.#join('all', [a, b]);
  }

  /** What holds when this does not. */
  negated(part: Expression): Expression {
    return this.#not(part);
  }

  #reference(name: string): Expression {
    const known = this.#shared.get(name);
    if (known !== undefined) return known;
    const expression = this.of(this.#conditions.get(name)!);
    this.#shared.set(name, expression);
    return expression;
  }

  #leaf(comparison: Comparison): Expression {
    const key = `${JSON.stringify(comparison.fact)} ${comparison.operator} ${literalKey(comparison.value)}`;
    const otherFact = otherFactOf(comparison.value);
    return this.#intern(key, (id) => ({ kind: 'leaf', id, comparison, otherFact }));
  }

  /** Nested junctions of one kind are one, and order and repetition mean nothing. An empty one holds, as in json-rules-engine. */
  #junction(kind: 'all' | 'any', conditions: readonly Condition[]): Expression {
    if (conditions.length === 0) return this.#constant(true);
    return this.#join(
      kind,
      conditions.map((condition) => this.of(condition)),
    );
  }

  #join(kind: 'all' | 'any', expressions: readonly Expression[]): Expression {
    const parts = new Set<Expression>();
    const neutral = kind === 'all';
    for (const part of expressions) {
      if (part.kind === 'constant') {
        if (part.value !== neutral) return part;
      } else if (part.kind === kind) {
        for (const inner of part.parts) parts.add(inner);
      } else parts.add(part);
    }
    if (parts.size === 0) return this.#constant(neutral);
    if (parts.size === 1) return [...parts][0]!;
    const sorted = [...parts].sort((a, b) => a.id - b.id);
    return this.#intern(`${kind} ${sorted.map((part) => part.id).join(' ')}`, (id) => ({
      kind,
      id,
      parts: sorted,
    }));
  }

  #not(part: Expression): Expression {
    if (part.kind === 'not') return part.part;
    if (part.kind === 'constant') return this.#constant(!part.value);
    return this.#intern(`not ${part.id}`, (id) => ({ kind: 'not', id, part }));
  }

  #constant(value: boolean): Expression {
    return this.#intern(`constant ${value}`, (id) => ({ kind: 'constant', id, value }));
  }

  #intern(key: string, make: (id: number) => Expression): Expression {
    let expression = this.#byKey.get(key);
    if (expression === undefined) {
      expression = make(this.#byKey.size);
      this.#byKey.set(key, expression);
    }
    return expression;
  }
}

/** The distinct leaves of an expression, in order of their ids. */
export function leavesOf(expression: Expression): Leaf[] {
  const seen = new Set<Expression>();
  const visit = (e: Expression): void => {
    if (seen.has(e)) return;
    seen.add(e);
    if (e.kind === 'not') visit(e.part);
    else if (e.kind === 'all' || e.kind === 'any') for (const part of e.parts) visit(part);
  };
  visit(expression);
  return [...seen].filter((e): e is Leaf => e.kind === 'leaf').sort((a, b) => a.id - b.id);
}

/** The facts that an expression looks at, sorted. */
export function factsOf(expression: Expression): string[] {
  const names = new Set<string>();
  for (const leaf of leavesOf(expression)) {
    names.add(leaf.comparison.fact);
    if (leaf.otherFact !== null) names.add(leaf.otherFact);
  }
  return [...names].sort();
}

function literalKey(value: Comparison['value'] | Literal): string {
  return JSON.stringify(value);
}
