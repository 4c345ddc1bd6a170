import type { Value } from '../columns/column.js';
import type { Fact } from '../columns/fact.js';
import type { Problem } from '../core/problem.js';
import { problemAt } from '../core/yaml-file.js';
import { boundaryValues } from './boundary.js';
import type { Comparison, Condition } from './condition.js';
import { type Leaf, otherFactOf } from './expression.js';
import { parseOperator, testOf } from './operator.js';
import type { PlacedCondition } from './placed.js';

/**
 * Comparisons that help a rule to fire because a fact is missing, though their author wrote about its value: `notIn`,
 * `not` and their like hold for a fact without a value. Silence must not read as good news. Not reported where the same
 * `all` asks that the fact has a value, or where the comparison names null itself.
 */
export function checkMissing(
  placed: PlacedCondition,
  shared: ReadonlyMap<string, PlacedCondition>,
  facts: ReadonlyMap<string, Fact>,
): Problem[] {
  const problems: Problem[] = [];

  /** `wanted`: how this condition has to come out to help the rule fire. `present`: facts that have a value by then. */
  const visit = (
    { condition, file, path }: PlacedCondition,
    wanted: boolean,
    present: ReadonlySet<string>,
  ): void => {
    if (condition.not !== undefined) {
      visit({ condition: condition.not, file, path: [...path, 'not'] }, !wanted, present);
    } else if (condition.condition !== undefined) {
      visit(shared.get(condition.condition)!, wanted, present);
    } else if (condition.fact !== undefined) {
      const fault = faultOf(condition as Comparison, wanted, present, facts);
      if (fault !== undefined) {
        problems.push(problemAt(file, path, fault.code, fault.message, { severity: 'warning' }));
      }
    } else {
      const key = condition.all !== undefined ? 'all' : 'any';
      const parts = condition[key] ?? [];
      const together = (key === 'all') === wanted;
      const known = together
        ? new Set([...present, ...parts.flatMap((part) => presentIf(part, wanted, shared, facts))])
        : present;
      parts.forEach((part, i) => {
        visit({ condition: part, file, path: [...path, key, i] }, wanted, known);
      });
    }
  };
  visit(placed, true, new Set());
  return problems;
}

/** The facts that surely have a value when a condition comes out as wanted. */
function presentIf(
  condition: Condition,
  wanted: boolean,
  shared: ReadonlyMap<string, PlacedCondition>,
  facts: ReadonlyMap<string, Fact>,
): string[] {
  if (condition.not !== undefined) return presentIf(condition.not, !wanted, shared, facts);
  if (condition.condition !== undefined) {
    return presentIf(shared.get(condition.condition)!.condition, wanted, shared, facts);
  }
  const parts = wanted ? condition.all : condition.any;
  if (parts !== undefined) return parts.flatMap((part) => presentIf(part, wanted, shared, facts));
  if (condition.fact === undefined) return [];
  const comparison = condition as Comparison;
  if (otherFactOf(comparison.value) !== null) return [];
  return outcome(comparison, null) === wanted ? [] : [comparison.fact];
}

function faultOf(
  comparison: Comparison,
  wanted: boolean,
  present: ReadonlySet<string>,
  facts: ReadonlyMap<string, Fact>,
): { code: string; message: string } | undefined {
  const fact = facts.get(comparison.fact)!;
  const other = otherFactOf(comparison.value);
  if (other !== null) return twoFactsFault(comparison, fact, facts.get(other)!, wanted, present);
  if (!fact.optional || present.has(fact.name) || namesNull(comparison.value)) return undefined;
  if (outcome(comparison, null) !== wanted) return undefined;
  const leaf: Leaf = { kind: 'leaf', id: 0, comparison, otherFact: null };
  const values = boundaryValues(fact, [leaf]).values.filter((value) => value !== null);
  if (values.every((value) => outcome(comparison, value) !== wanted)) {
    return {
      code: 'only-when-missing',
      message: `This helps the rule to fire only when \`${fact.name}\` is missing: no value of it will do. Is that meant? Then write operator equal, value null.`,
    };
  }
  return { code: 'holds-when-missing', message: missingMessage(fact.name) };
}

function missingMessage(name: string): string {
  return `This also helps the rule to fire when \`${name}\` is missing. If that is not meant, add beside it: fact ${name}, operator notEqual, value null.`;
}

const SOME: Record<Fact['kind'], readonly Value[]> = {
  number: [-1, 0, 1],
  boolean: [true, false],
  string: ['a'],
  list: [[], ['a']],
};

function twoFactsFault(
  comparison: Comparison,
  left: Fact,
  right: Fact,
  wanted: boolean,
  present: ReadonlySet<string>,
): { code: string; message: string } | undefined {
  const test = testOf(parseOperator(comparison.operator)!);
  const values = (fact: Fact): readonly Value[] =>
    fact.optional && !present.has(fact.name) ? [...SOME[fact.kind], null] : SOME[fact.kind];
  for (const a of values(left)) {
    for (const b of values(right)) {
      if ((a !== null && b !== null) || test(a, b) !== wanted) continue;
      const name = a === null ? left.name : right.name;
      const order = /Than/.test(comparison.operator);
      return order && !(a === null && b === null)
        ? {
            code: 'missing-counts-as-zero',
            message: `When \`${name}\` is missing, json-rules-engine compares with 0 here. Add beside it: fact ${name}, operator notEqual, value null.`,
          }
        : { code: 'holds-when-missing', message: missingMessage(name) };
    }
  }
  return undefined;
}

function outcome(comparison: Comparison, value: Value): boolean {
  return testOf(parseOperator(comparison.operator)!)(value, comparison.value);
}

function namesNull(value: unknown): boolean {
  return value === null || (Array.isArray(value) && value.some(namesNull));
}
