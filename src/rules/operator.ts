/**
 * json-rules-engine's operators and decorators on plain values: the meaning that compiled plans, checks and explanations
 * share. A missing fact is null. `test/rules/oracle.test.ts` holds this against json-rules-engine itself.
 */
export type Test = (left: unknown, right: unknown) => boolean;

export const OPERATOR_NAMES = [
  'equal',
  'notEqual',
  'in',
  'notIn',
  'contains',
  'doesNotContain',
  'lessThan',
  'lessThanInclusive',
  'greaterThan',
  'greaterThanInclusive',
] as const;
export type OperatorName = (typeof OPERATOR_NAMES)[number];

export const DECORATOR_NAMES = ['someFact', 'someValue', 'everyFact', 'everyValue', 'swap', 'not'] as const;
export type DecoratorName = (typeof DECORATOR_NAMES)[number];

/** `everyFact:not:equal`, taken apart. The first decorator is the outermost. */
export interface Operator {
  readonly decorators: readonly DecoratorName[];
  readonly base: OperatorName;
}

/** Takes an operator's name apart; undefined when a part of it is not known. */
export function parseOperator(name: string): Operator | undefined {
  const parts = name.split(':');
  const base = parts.pop()!;
  if (!isOperator(base) || !parts.every(isDecorator)) return undefined;
  return { decorators: parts, base };
}

/** The test that an operator stands for. Never throws: where json-rules-engine would (a list is needed and there is none), the list counts as empty. */
export function testOf(operator: Operator): Test {
  return operator.decorators.reduceRight<Test>((inner, name) => decorate(name, inner), BASE[operator.base]);
}

/** What a number operator asks of its left side: json-rules-engine's own validator. */
function isNumberLike(value: unknown): boolean {
  return !Number.isNaN(Number.parseFloat(value as string));
}

const itemsOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);

const BASE: Record<OperatorName, Test> = {
  equal: (a, b) => a === b,
  notEqual: (a, b) => a !== b,
  in: (a, b) => itemsOf(b).indexOf(a) > -1,
  notIn: (a, b) => itemsOf(b).indexOf(a) === -1,
  contains: (a, b) => Array.isArray(a) && a.indexOf(b) > -1,
  doesNotContain: (a, b) => Array.isArray(a) && a.indexOf(b) === -1,
  lessThan: (a, b) => isNumberLike(a) && (a as number) < (b as number),
  lessThanInclusive: (a, b) => isNumberLike(a) && (a as number) <= (b as number),
  greaterThan: (a, b) => isNumberLike(a) && (a as number) > (b as number),
  greaterThanInclusive: (a, b) => isNumberLike(a) && (a as number) >= (b as number),
};

function decorate(name: DecoratorName, inner: Test): Test {
  switch (name) {
    case 'someFact':
      return (a, b) => Array.isArray(a) && a.some((item) => inner(item, b));
    case 'everyFact':
      return (a, b) => Array.isArray(a) && a.every((item) => inner(item, b));
    case 'someValue':
      return (a, b) => itemsOf(b).some((item) => inner(a, item));
    case 'everyValue':
      return (a, b) => itemsOf(b).every((item) => inner(a, item));
    case 'swap':
      return (a, b) => inner(b, a);
    case 'not':
      return (a, b) => !inner(a, b);
  }
}

function isOperator(name: string): name is OperatorName {
  return (OPERATOR_NAMES as readonly string[]).includes(name);
}

function isDecorator(name: string): name is DecoratorName {
  return (DECORATOR_NAMES as readonly string[]).includes(name);
}
