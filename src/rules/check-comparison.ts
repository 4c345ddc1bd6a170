import type { Fact } from '../columns/fact.js';
import { exponentOf } from '../core/money.js';
import { didYouMean, nearest } from '../core/nearest-name.js';
import { capital, describe, isNull, itemsOf, kindsOf, rangeOf, type Side } from './comparison-side.js';
import type { Comparison, Literal } from './condition.js';
import { isFactReference } from './expression.js';
import { isNumeric, unquoted } from './literal-hints.js';
import {
  DECORATOR_NAMES,
  type DecoratorName,
  OPERATOR_NAMES,
  type OperatorName,
  parseOperator,
} from './operator.js';

/** What is wrong with a comparison, and at which of its keys. */
export interface Fault {
  readonly severity: 'error' | 'warning';
  readonly code: string;
  readonly message: string;
  readonly at: 'fact' | 'operator' | 'value';
  readonly suggestion?: string;
}

/**
 * Whether a comparison can mean what its author wants: known facts and operators, types that fit, values that occur.
 * Refuses what json-rules-engine would answer by an exception or by a surprise; docs/rules.md lists those.
 */
export function checkComparison(comparison: Comparison, facts: ReadonlyMap<string, Fact>): Fault[] {
  const operator = parseOperator(comparison.operator);
  const fact = facts.get(comparison.fact);
  const right = rightSide(comparison.value, facts);
  if (operator === undefined || fact === undefined || 'code' in right) {
    return [
      ...(fact === undefined ? [unknownFact(comparison.fact, 'fact', facts)] : []),
      ...(operator === undefined ? [unknownOperator(comparison.operator)] : []),
      ...('code' in right ? [right] : []),
      ...('code' in right ? [] : valueFaults(comparison, right, facts)),
    ];
  }
  const faults = checkSides(operator.decorators, operator.base, { form: 'fact', fact }, right);
  return faults.filter((fault, i) => faults.findIndex((other) => other.message === fault.message) === i);
}

/** What is wrong with the value under the fact and the operator that were probably meant, so that it is not left for another round. */
function valueFaults(comparison: Comparison, right: Side, facts: ReadonlyMap<string, Fact>): Fault[] {
  const fact = facts.get(comparison.fact) ?? facts.get(nearest(comparison.fact, facts.keys()) ?? '');
  const parts = comparison.operator.split(':');
  const base = parts.pop()!;
  const meant =
    parseOperator(comparison.operator) ?? parseOperator([...parts, nearest(base, OPERATOR_NAMES)].join(':'));
  if (fact === undefined || meant === undefined) return [];
  return checkSides(meant.decorators, meant.base, { form: 'fact', fact }, right).filter(
    ({ at, severity }) => at === 'value' && severity === 'error',
  );
}

function unknownOperator(name: string): Fault {
  const parts = name.split(':');
  const base = parts.pop()!;
  const wrong = parts.find((part) => !(DECORATOR_NAMES as readonly string[]).includes(part));
  const suggestion = didYouMean(wrong ?? base, wrong === undefined ? OPERATOR_NAMES : DECORATOR_NAMES);
  return {
    severity: 'error',
    code: 'unknown-operator',
    message:
      wrong === undefined
        ? `There is no operator \`${base}\`. Operators: ${OPERATOR_NAMES.join(', ')}.`
        : `There is no operator decorator \`${wrong}\`. Decorators: ${DECORATOR_NAMES.join(', ')}.`,
    at: 'operator',
    ...(suggestion === undefined ? {} : { suggestion }),
  };
}

function unknownFact(name: string, at: 'fact' | 'value', facts: ReadonlyMap<string, Fact>): Fault {
  const suggestion = didYouMean(name, facts.keys());
  return {
    severity: 'error',
    code: 'unknown-fact',
    message: `There is no fact \`${name}\`.`,
    at,
    ...(suggestion === undefined ? {} : { suggestion }),
  };
}

function rightSide(value: unknown, facts: ReadonlyMap<string, Fact>): Side | Fault {
  const refuse = (code: string, message: string): Fault => ({
    severity: 'error',
    code,
    message,
    at: 'value',
  });
  if (isFactReference(value)) {
    const extra = Object.keys(value).filter((key) => key !== 'fact');
    if (extra.length > 0) {
      return refuse(
        'unknown-key',
        `\`${extra.join('`, `')}\` can't stand beside \`fact\`: facts are plain values, without paths or parameters.`,
      );
    }
    if (typeof value.fact !== 'string') return refuse('schema', 'The name of a fact is text.');
    const fact = facts.get(value.fact);
    return fact === undefined ? unknownFact(value.fact, 'value', facts) : { form: 'fact', fact };
  }
  const wrong = notPlain(value);
  if (wrong !== undefined) return refuse('not-plain', wrong);
  return { form: 'literal', literal: value as Literal };
}

/** Why a value is not a literal; undefined when it is one. */
function notPlain(value: unknown): string | undefined {
  if (Array.isArray(value)) return value.map(notPlain).find((reason) => reason !== undefined);
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return undefined;
  if (typeof value === 'number') {
    return Number.isFinite(value)
      ? undefined
      : 'A number has to be finite; JSON has no infinity and no "not a number".';
  }
  return 'A value is a number, text, true, false, null, a list of these, or {fact: name}.';
}

function checkSides(
  decorators: readonly DecoratorName[],
  base: OperatorName,
  left: Side,
  right: Side,
): Fault[] {
  const [decorator, ...rest] = decorators;
  if (decorator === undefined) return checkBase(base, left, right);
  switch (decorator) {
    case 'not':
      return checkSides(rest, base, left, right);
    case 'swap':
      return checkSides(rest, base, right, left);
    case 'someFact':
    case 'everyFact':
      if (!kindsOf(left).includes('list')) {
        return [never('operator', `\`${decorator}\` looks into a list, but ${describe(left)}.`)];
      }
      return itemsOf(left).flatMap((item) => checkSides(rest, base, item, right));
    case 'someValue':
    case 'everyValue': {
      const fault = needsList(decorator, right);
      return fault === null ? itemsOf(right).flatMap((item) => checkSides(rest, base, left, item)) : [fault];
    }
  }
}

function checkBase(base: OperatorName, left: Side, right: Side): Fault[] {
  switch (base) {
    case 'equal':
    case 'notEqual':
      return checkEqual(left, right);
    case 'in':
    case 'notIn': {
      const fault = needsList(base, right);
      if (fault !== null) return [fault];
      const items = itemsOf(right);
      if (items.length === 0) return [never('value', `The list is empty, so \`${base}\` says nothing.`)];
      return items.flatMap((item) => checkEqual(left, item));
    }
    case 'contains':
    case 'doesNotContain':
      if (!kindsOf(left).includes('list')) {
        const hint = kindsOf(left).includes('string')
          ? ' To find a part of a text is not possible in rules.'
          : '';
        return [never('operator', `\`${base}\` needs a list on its left, but ${describe(left)}.${hint}`)];
      }
      return itemsOf(left)
        .slice(0, 1)
        .flatMap((item) => checkEqual(item, right));
    default:
      return checkOrder(base, left, right);
  }
}

function checkEqual(left: Side, right: Side): Fault[] {
  const kinds = kindsOf(left).filter((kind) => kindsOf(right).includes(kind));
  if (kinds.includes('list')) {
    return [
      never(
        'operator',
        'Two lists are never equal in json-rules-engine. Compare their items: contains, someFact:in, everyFact:in.',
      ),
    ];
  }
  if (kinds.length === 0 || (kinds.length === 1 && kinds[0] === 'null' && !isNull(left) && !isNull(right))) {
    if (isNull(left) || isNull(right)) {
      const named = isNull(left) ? right : left;
      return [
        {
          severity: 'warning',
          code: 'never-missing',
          message: `${capital(describe(named))} and always has a value, so comparing it with null says nothing.`,
          at: 'value',
        },
      ];
    }
    return [mismatch(left, right)];
  }
  for (const [a, b] of [
    [left, right],
    [right, left],
  ] as const) {
    if (a.form === 'literal' || b.form !== 'literal') continue;
    const fault = outside(a.fact, b.literal);
    if (fault !== null) return [fault];
  }
  return [];
}

/** A literal that this fact never is; null when it can be. */
function outside(fact: Fact, literal: Literal): Fault | null {
  if (fact.name === 'currency' && typeof literal === 'string') return noCurrency(literal);
  if (typeof literal === 'string' && fact.values !== null && !fact.values.includes(literal)) {
    const suggestion = didYouMean(literal, fact.values);
    return {
      ...never('value', `\`${fact.name}\` is never "${literal}". It is one of: ${fact.values.join(', ')}.`),
      ...(suggestion === undefined ? {} : { suggestion }),
    };
  }
  if (typeof literal === 'number') {
    const [low, high] = fact.range;
    if ((low !== null && literal < low) || (high !== null && literal > high)) {
      return never('value', `\`${fact.name}\` is never ${literal}: it lies ${rangeOf(fact)}.`);
    }
  }
  return null;
}

/** Currencies are written as ISO 4217 does; the text is empty where none is known. */
function noCurrency(literal: string): Fault | null {
  if (literal === '' || exponentOf(literal) !== null) return null;
  const capitals = literal.trim().toUpperCase();
  return {
    ...never('value', `\`currency\` is never "${literal}": it is a code of ISO 4217, such as EUR.`),
    ...(exponentOf(capitals) === null ? {} : { suggestion: `write ${capitals}` }),
  };
}

function checkOrder(base: OperatorName, left: Side, right: Side): Fault[] {
  for (const side of [left, right]) {
    if (!kindsOf(side).includes('number')) {
      if (side.form !== 'literal') {
        return [never('operator', `\`${base}\` compares numbers, but ${describe(side)}.`)];
      }
      const text = typeof side.literal === 'string' ? side.literal.trim() : '';
      return [
        {
          ...never('value', `\`${base}\` compares numbers, but ${describe(side)}.`),
          ...(isNumeric(text) ? { suggestion: `write ${Number(text)} without quotes` } : {}),
        },
      ];
    }
  }
  if (left.form !== 'literal' && right.form === 'literal')
    return checkThreshold(base, left.fact, right.literal as number);
  if (left.form === 'literal' && right.form !== 'literal')
    return checkThreshold(SWAPPED[base] ?? base, right.fact, left.literal as number);
  return [];
}

const SWAPPED: Partial<Record<OperatorName, OperatorName>> = {
  lessThan: 'greaterThan',
  lessThanInclusive: 'greaterThanInclusive',
  greaterThan: 'lessThan',
  greaterThanInclusive: 'lessThanInclusive',
};

/** A threshold that every value or no value of the fact passes. */
function checkThreshold(base: OperatorName, fact: Fact, threshold: number): Fault[] {
  const [low, high] = fact.range;
  const passes: Partial<Record<OperatorName, (x: number) => boolean>> = {
    lessThan: (x) => x < threshold,
    lessThanInclusive: (x) => x <= threshold,
    greaterThan: (x) => x > threshold,
    greaterThanInclusive: (x) => x >= threshold,
  };
  const test = passes[base]!;
  const upward = base.startsWith('greater');
  const best = upward ? high : low;
  const worst = upward ? low : high;
  if (best !== null && !test(best)) {
    return [
      never('value', `\`${fact.name}\` lies ${rangeOf(fact)}, so \`${base} ${threshold}\` never holds.`),
    ];
  }
  if (worst !== null && test(worst)) {
    return [
      {
        severity: 'warning',
        code: 'always-holds',
        message: `\`${fact.name}\` lies ${rangeOf(fact)}, so \`${base} ${threshold}\` holds for every value.`,
        at: 'value',
      },
    ];
  }
  return [];
}

/** json-rules-engine stops the whole run when it misses a list here, and looks for a part of a text when it gets text. */
function needsList(operator: string, right: Side): Fault | null {
  const kinds = kindsOf(right);
  if (!kinds.includes('list')) {
    const text = kinds.includes('string') && right.form === 'literal';
    return {
      severity: 'error',
      code: 'needs-list',
      message: `\`${operator}\` needs a list on its right, but ${describe(right)}.`,
      at: 'value',
      ...(text && typeof right.literal === 'string' ? { suggestion: `write [${right.literal}]` } : {}),
    };
  }
  if (right.form === 'fact' && right.fact.optional) {
    return {
      severity: 'error',
      code: 'needs-list',
      message: `\`${operator}\` needs a list on its right, and \`${right.fact.name}\` can be missing: json-rules-engine would stop there.`,
      at: 'value',
      suggestion: 'turn the comparison round: `fact` the list, operator contains',
    };
  }
  return null;
}

function mismatch(left: Side, right: Side): Fault {
  const [named, other] = left.form === 'literal' ? [right, left] : [left, right];
  const fault = never('value', `${capital(describe(named))}, and ${describe(other)}: they are never equal.`);
  const suggestion = unquoted(named, other);
  return suggestion === undefined ? fault : { ...fault, suggestion };
}

function never(at: Fault['at'], message: string): Fault {
  return { severity: 'error', code: 'never-holds', message, at };
}
