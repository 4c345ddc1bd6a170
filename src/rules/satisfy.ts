import type { Value } from '../columns/column.js';
import type { Fact } from '../columns/fact.js';
import { boundaryValues } from './boundary.js';
import type { Literal } from './condition.js';
import { type Expression, type Leaf, leavesOf } from './expression.js';
import { parseOperator, testOf } from './operator.js';

/** Whether some facts make an expression hold. `unknown`: given up, or two facts are compared and may or may not allow it. */
export type Satisfaction =
  | { readonly answer: 'yes'; readonly facts: Readonly<Record<string, Value>> }
  | { readonly answer: 'no' }
  | { readonly answer: 'unknown' };

/** Steps after which the search gives up. Rules that people write need some dozens. */
const STEPS = 4_000;

/**
 * Looks for facts that make an expression come out as wanted, fact by fact over its boundary values, and backtracks as
 * soon as what is fixed decides against it. "No" is certain: it has tried every class of values.
 */
export function satisfy(
  expression: Expression,
  facts: ReadonlyMap<string, Fact>,
  wanted = true,
): Satisfaction {
  const leaves = leavesOf(expression);
  const truths = new Map<Leaf, boolean>();
  const { choices, exact } = choicesOf(leaves, facts);
  const chosen: Record<string, Value> = {};
  let steps = 0;

  const search = (depth: number): 'yes' | 'no' | 'unknown' => {
    if (++steps > STEPS) return 'unknown';
    const value = decided(expression, truths);
    if (value === !wanted) return 'no';
    if (value === wanted) {
      for (const choice of choices.slice(depth)) chosen[choice.fact ?? ''] ??= choice.options[0]!.value;
      return 'yes';
    }
    const choice = choices[depth];
    if (choice === undefined) return 'no';
    let answer: 'no' | 'unknown' = 'no';
    for (const option of choice.options) {
      for (const [leaf, truth] of option.truths) truths.set(leaf, truth);
      if (choice.fact !== null) chosen[choice.fact] = option.value;
      const found = search(depth + 1);
      if (found === 'yes') return 'yes';
      if (found === 'unknown') answer = 'unknown';
    }
    for (const leaf of choice.options[0]!.truths.keys()) truths.delete(leaf);
    if (choice.fact !== null) delete chosen[choice.fact];
    return answer;
  };

  const answer = search(0);
  if (answer !== 'yes') return { answer };
  delete chosen[''];
  return exact ? { answer, facts: chosen } : { answer: 'unknown' };
}

/** How an expression comes out for some facts; one that is not given has no value. */
export function holdsFor(expression: Expression, facts: Readonly<Record<string, Value>>): boolean {
  const truths = new Map(
    leavesOf(expression).map((leaf) => {
      const { fact, operator, value } = leaf.comparison;
      const right = leaf.otherFact === null ? (value as Literal) : (facts[leaf.otherFact] ?? null);
      return [leaf, testOf(parseOperator(operator)!)(facts[fact] ?? null, right)];
    }),
  );
  return decided(expression, truths) ?? false;
}

/** One thing to decide: a fact's value, or (fact null) how a comparison comes out that no single fact decides. */
interface Choice {
  readonly fact: string | null;
  readonly options: readonly { readonly value: Value; readonly truths: ReadonlyMap<Leaf, boolean> }[];
}

function choicesOf(
  leaves: readonly Leaf[],
  facts: ReadonlyMap<string, Fact>,
): { choices: Choice[]; exact: boolean } {
  const byFact = new Map<string, Leaf[]>();
  const free: Leaf[] = [];
  for (const leaf of leaves) {
    if (leaf.otherFact === null) {
      byFact.set(leaf.comparison.fact, [...(byFact.get(leaf.comparison.fact) ?? []), leaf]);
    } else free.push(leaf);
  }
  const choices: Choice[] = [];
  for (const [name, own] of byFact) {
    const { values, complete } = boundaryValues(facts.get(name)!, own);
    if (!complete) {
      free.push(...own);
      continue;
    }
    const tests = own.map((leaf) => testOf(parseOperator(leaf.comparison.operator)!));
    const distinct = new Map<string, Choice['options'][number]>();
    for (const value of values) {
      const outcomes = own.map((leaf, i) => tests[i]!(value, leaf.comparison.value));
      const key = outcomes.map(Number).join('');
      if (!distinct.has(key)) {
        distinct.set(key, { value, truths: new Map(own.map((leaf, i) => [leaf, outcomes[i]!])) });
      }
    }
    choices.push({ fact: name, options: [...distinct.values()] });
  }
  // Facts that decide the most come first: the search then cuts early.
  choices.sort((a, b) => b.options[0]!.truths.size - a.options[0]!.truths.size);
  for (const leaf of free) {
    choices.push({
      fact: null,
      options: [true, false].map((truth) => ({ value: null, truths: new Map([[leaf, truth]]) })),
    });
  }
  return { choices, exact: free.length === 0 };
}

/** The expression's value as far as the known truths decide it; undefined: not yet. */
function decided(expression: Expression, truths: ReadonlyMap<Leaf, boolean>): boolean | undefined {
  const known = new Map<Expression, boolean | undefined>();
  const visit = (e: Expression): boolean | undefined => {
    if (e.kind === 'constant') return e.value;
    if (e.kind === 'leaf') return truths.get(e);
    if (known.has(e)) return known.get(e);
    let value: boolean | undefined;
    if (e.kind === 'not') {
      const inner = visit(e.part);
      value = inner === undefined ? undefined : !inner;
    } else {
      const deciding = e.kind === 'any';
      value = !deciding;
      for (const part of e.parts) {
        const inner = visit(part);
        if (inner === deciding) {
          value = deciding;
          break;
        }
        if (inner === undefined) value = undefined;
      }
    }
    known.set(e, value);
    return value;
  };
  return visit(expression);
}
