import type { Fact } from '../columns/fact.js';
import type { Comparison, Condition } from './condition.js';

/**
 * A part of some conditions that makes no sense, left open: it may come out either way, and independently of every other. So
 * the rest can be checked in the same round, and what is found of it is certain all the same.
 */
export class OpenPart implements Comparison {
  readonly fact: string;
  readonly operator = 'equal';
  readonly value = true;

  constructor(place: string) {
    this.fact = `${MARK}${place}`;
  }
}

/** What the names of the facts of open parts start with. */
const MARK = '?';

/** The facts together with those of open parts. For conditions that were checked: a name that nobody knows may start like one of them. */
export function withOpenFacts(facts: ReadonlyMap<string, Fact>): ReadonlyMap<string, Fact> {
  return new OpenFacts(facts);
}

class OpenFacts extends Map<string, Fact> {
  override get(name: string): Fact | undefined {
    return name.startsWith(MARK) ? { ...EITHER_WAY, name } : super.get(name);
  }
}

const EITHER_WAY: Omit<Fact, 'name'> = {
  kind: 'boolean',
  description: '',
  unit: '',
  range: [null, null],
  values: null,
  origin: 'feature',
  optional: false,
};

/** What stands where a condition should, with every part that has no proper form left open. `path`: its place in the set. */
export function repairedCondition(value: unknown, path: string): Condition {
  const { all, any, not, condition, fact, operator } = (value ?? {}) as Record<string, unknown>;
  const open = new OpenPart(path);
  const parts = (key: string, list: readonly unknown[]) =>
    list.map((part, i) => repairedCondition(part, `${path}.${key}.${i}`));
  const forms = [all, any, not, condition, fact].filter((form) => form !== undefined);
  if (forms.length !== 1) return open;
  if (Array.isArray(all)) return { all: parts('all', all) };
  if (Array.isArray(any)) return any.length === 0 ? open : { any: parts('any', any) };
  if (not !== undefined) return { not: repairedCondition(not, `${path}.not`) };
  if (typeof condition === 'string' && condition !== '') return { condition };
  if (typeof fact === 'string' && typeof operator === 'string' && Object.hasOwn(value as object, 'value')) {
    return { fact, operator, value: (value as { value: unknown }).value };
  }
  return open;
}

/** Conditions with every comparison and reference left open that does not make sense. */
export function withoutFaulty(
  condition: Condition,
  isFaulty: (part: Comparison | { readonly condition: string }) => boolean,
  path: string,
): Condition {
  if (condition instanceof OpenPart) return condition;
  const parts = (key: string, list: readonly Condition[]) =>
    list.map((part, i) => withoutFaulty(part, isFaulty, `${path}.${key}.${i}`));
  if (condition.all !== undefined) return { all: parts('all', condition.all) };
  if (condition.any !== undefined) return { any: parts('any', condition.any) };
  if (condition.not !== undefined) return { not: withoutFaulty(condition.not, isFaulty, `${path}.not`) };
  const part = condition as Comparison | { readonly condition: string };
  return isFaulty(part) ? new OpenPart(path) : condition;
}
