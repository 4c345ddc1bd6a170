import type { Fact } from '../columns/fact.js';
import type { Literal } from './condition.js';

/** One side of a comparison while its operator is taken apart: a fact, the items of a list fact, or a literal. */
export type Side =
  | { readonly form: 'fact'; readonly fact: Fact }
  | { readonly form: 'item'; readonly fact: Fact }
  | { readonly form: 'literal'; readonly literal: Literal };

export type Kind = 'number' | 'boolean' | 'string' | 'list' | 'null';

/** The items of a list: of a literal each one, of a fact one that stands for all. */
export function itemsOf(side: Side): Side[] {
  if (side.form !== 'literal') return [{ form: 'item', fact: side.fact }];
  return Array.isArray(side.literal)
    ? side.literal.map((literal: Literal) => ({ form: 'literal', literal }))
    : [];
}

/** The kinds of value that a side can have; a missing fact is null. */
export function kindsOf(side: Side): Kind[] {
  if (side.form === 'item') return ['string'];
  if (side.form === 'fact') return side.fact.optional ? [side.fact.kind, 'null'] : [side.fact.kind];
  const { literal } = side;
  if (literal === null) return ['null'];
  if (Array.isArray(literal)) return ['list'];
  return [typeof literal as 'number' | 'boolean' | 'string'];
}

export const isNull = (side: Side): boolean => side.form === 'literal' && side.literal === null;

const WORDS: Record<Kind, string> = {
  number: 'a number',
  boolean: 'true or false',
  string: 'text',
  list: 'a list of texts',
  null: 'null (no value)',
};

/** "`plan` is text": the first half of a sentence about what does not fit. */
export function describe(side: Side): string {
  if (side.form === 'fact') return `\`${side.fact.name}\` is ${WORDS[side.fact.kind]}`;
  if (side.form === 'item') return `an item of \`${side.fact.name}\` is text`;
  const kind = kindsOf(side)[0]!;
  return kind === 'null' || kind === 'list'
    ? `the value is ${WORDS[kind].replace(' of texts', '')}`
    : `${JSON.stringify(side.literal)} is ${WORDS[kind]}`;
}

/** "between 0 and 100". The fact has at least one bound. */
export function rangeOf(fact: Fact): string {
  const [low, high] = fact.range;
  if (low !== null && high !== null) return `between ${low} and ${high}`;
  return low !== null ? `at ${low} or above` : `at ${high} or below`;
}

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
