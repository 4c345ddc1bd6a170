import type { Value } from '../columns/column.js';
import type { Fact } from '../columns/fact.js';
import type { Comparison, Condition, Literal } from './condition.js';
import { isFactReference } from './expression.js';
import { type DecoratorName, type OperatorName, parseOperator } from './operator.js';

/** Conditions, events and values in words, for explanations and for differences between rule sets. */
const VERBS: Record<OperatorName, string> = {
  equal: 'is',
  notEqual: 'is not',
  in: 'is one of',
  notIn: 'is none of',
  contains: 'contains',
  doesNotContain: 'does not contain',
  lessThan: 'is below',
  lessThanInclusive: 'is at most',
  greaterThan: 'is above',
  greaterThanInclusive: 'is at least',
};

/** Units that are said after a number; ratios and scores are not. */
const SPOKEN_UNITS: ReadonlyMap<string, string> = new Map([
  ['days', 'days'],
  ['hours', 'hours'],
  ['points', 'points'],
  ['percent', '%'],
  ['minor units', 'minor units'],
]);

/** `seat_utilisation is below 0.5`. Decorated operators are spelt out from the outside in. */
export function comparisonInWords(comparison: Comparison, facts: ReadonlyMap<string, Fact>): string {
  const operator = parseOperator(comparison.operator);
  const right = isFactReference(comparison.value) ? comparison.value.fact : literalInWords(comparison.value);
  if (operator === undefined) return `${comparison.fact} ${comparison.operator} ${right}`;
  const unit = SPOKEN_UNITS.get(facts.get(comparison.fact)?.unit ?? '');
  const withUnit = typeof comparison.value === 'number' && unit !== undefined ? `${right} ${unit}` : right;
  if (operator.decorators.length === 0 && comparison.value === null) {
    if (operator.base === 'equal') return `${comparison.fact} has no value`;
    if (operator.base === 'notEqual') return `${comparison.fact} has a value`;
  }
  return decorated(operator.decorators, operator.base, comparison.fact, withUnit);
}

function decorated(
  decorators: readonly DecoratorName[],
  base: OperatorName,
  left: string,
  right: string,
): string {
  const [outer, ...rest] = decorators;
  if (outer === undefined) return `${left} ${VERBS[base]} ${right}`;
  switch (outer) {
    case 'not':
      return `it is not so that ${decorated(rest, base, left, right)}`;
    case 'swap':
      return decorated(rest, base, right, left);
    case 'someFact':
      return decorated(rest, base, `some item of ${left}`, right);
    case 'everyFact':
      return decorated(rest, base, `every item of ${left}`, right);
    case 'someValue':
      return decorated(rest, base, left, `some item of ${right}`);
    case 'everyValue':
      return decorated(rest, base, left, `every item of ${right}`);
  }
}

function literalInWords(literal: Literal): string {
  if (literal === null) return 'no value';
  if (typeof literal === 'string') return JSON.stringify(literal);
  if (Array.isArray(literal)) return `[${literal.map(literalInWords).join(', ')}]`;
  return String(literal);
}

/** A fact's value as a sentence would name it. */
export function valueInWords(value: Value): string {
  if (value === null) return 'no value';
  if (typeof value === 'number') return String(Math.round(value * 1e6) / 1e6);
  return literalInWords(value);
}

/** Conditions on one line: `(a and b) or not c`. */
export function conditionInWords(condition: Condition, facts: ReadonlyMap<string, Fact>): string {
  const joined = (parts: readonly Condition[], word: string): string => {
    const texts = parts.map((part) => conditionInWords(part, facts));
    if (texts.length === 0) return 'always';
    return texts.length === 1 ? texts[0]! : `(${texts.join(` ${word} `)})`;
  };
  if (condition.all !== undefined) return joined(condition.all, 'and');
  if (condition.any !== undefined) return joined(condition.any, 'or');
  if (condition.not !== undefined) return `not ${bracketed(conditionInWords(condition.not, facts))}`;
  if (condition.condition !== undefined) return `\`${condition.condition}\``;
  return comparisonInWords(condition as Comparison, facts);
}

function bracketed(text: string): string {
  return text.startsWith('(') || text.startsWith('`') ? text : `(${text})`;
}
