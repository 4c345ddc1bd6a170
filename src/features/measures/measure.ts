import type { Expression } from '../expression/expression.js';
import { attributesIn, namesIn } from '../expression/expression.js';
import type { TypeSet } from '../signal-types.js';
import { union } from '../signal-types.js';
import type { MeasureDefinition } from './measure-schema.js';
import { type Absent, OPERATIONS } from './operations.js';

/** One measure with one window, everything that it names resolved and checked. */
export interface Measure {
  readonly name: string;
  readonly definition: MeasureDefinition;
  /** The types it counts. It is known only where one of them is sent. */
  readonly of: TypeSet;
  /** Types that end something: a streak, an open item. */
  readonly ends: TypeSet | null;
  /** Types that say since when an item is open. */
  readonly starts: TypeSet | null;
  /** How far back `of` counts, in days; null: everything there is. */
  readonly withinDays: number | null;
  /** Attribute to the values that it may have. */
  readonly where: Conditions;
  readonly having: Conditions;
  readonly when: Expression | null;
  /** What it takes from a signal. */
  readonly value: Expression | null;
  /** What chooses the signal of `at_max`. */
  readonly by: Expression | null;
  readonly kind: 'number' | 'time';
  readonly absent: Absent;
}

export type Conditions = readonly { readonly attribute: string; readonly values: readonly string[] }[];

/** All types whose signals it has to read. */
export function typesRead({ of, ends, starts }: Measure): TypeSet {
  return union([of, ends, starts].filter((set) => set !== null));
}

/** All attributes that it reads. */
export function attributesRead(measure: Measure): ReadonlySet<string> {
  const { definition, where, having } = measure;
  const attributes = new Set([...where, ...having].map(({ attribute }) => attribute));
  for (const expression of expressionsOf(measure))
    for (const name of attributesIn(expression)) attributes.add(name);
  if ('attribute' in definition) attributes.add(definition.attribute);
  if ('item' in definition) attributes.add(definition.item);
  return attributes;
}

/** Fields of the contract that its expressions name. */
export function contractRead(measure: Measure): ReadonlySet<string> {
  return new Set(expressionsOf(measure).flatMap((expression) => [...namesIn(expression)]));
}

/** Whether a signal's value is read. */
export function readsValue(measure: Measure): boolean {
  return contractRead(measure).has('value');
}

export function expressionsOf({ when, value, by }: Measure): readonly Expression[] {
  return [when, value, by].filter((expression) => expression !== null);
}

/** Whether the measure sees items by one of their attributes, and which. */
export function itemOf({ definition }: Measure): string | null {
  return 'item' in definition ? definition.item : null;
}

export function absentOf(definition: MeasureDefinition): Absent {
  return definition.op === 'sql' ? definition.absent : OPERATIONS[definition.op].absent;
}
