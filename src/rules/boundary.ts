import type { Value } from '../columns/column.js';
import type { Fact } from '../columns/fact.js';
import type { Literal } from './condition.js';
import type { Leaf } from './expression.js';

/** Values of one fact between which some comparisons can tell. */
export interface BoundaryValues {
  /** One from every class of values that the comparisons treat alike; null last, where the fact can be missing. */
  readonly values: readonly Value[];
  /** Whether every class is there. Not so for lists of which many items are named. */
  readonly complete: boolean;
}

/** Text that no rule names. */
const SOMETHING_ELSE = '\u{1F331} something else';

/** Named items up to which every combination of a list fact is tried. */
const ITEMS_COMBINED = 4;

/**
 * The values of a fact at and around everything that its comparisons name: thresholds, what lies between and beyond them,
 * every named text and one other, every combination of list items, and missing.
 */
export function boundaryValues(fact: Fact, leaves: readonly Leaf[]): BoundaryValues {
  const literals = leaves.flatMap((leaf) =>
    leaf.otherFact === null ? plain(leaf.comparison.value as Literal) : [],
  );
  const missing = fact.optional ? [null] : [];
  switch (fact.kind) {
    case 'boolean':
      return { values: [true, false, ...missing], complete: true };
    case 'number':
      return { values: [...numbers(fact, literals), ...missing], complete: true };
    case 'string':
      return { values: [...texts(fact, literals), ...missing], complete: true };
    case 'list': {
      const items = texts(fact, literals);
      const combined = items.length <= ITEMS_COMBINED + 1;
      const lists = combined ? subsets(items) : [[], items, ...items.map((item) => [item])];
      return { values: [...lists, ...missing], complete: combined };
    }
  }
}

function plain(literal: Literal): (string | number | boolean | null)[] {
  return Array.isArray(literal) ? literal.flatMap(plain) : [literal as string | number | boolean | null];
}

function numbers(fact: Fact, literals: readonly unknown[]): number[] {
  const [low, high] = fact.range;
  const named = literals.filter((literal) => typeof literal === 'number');
  const marks = [...new Set([...named, 0, low, high].filter((mark) => mark !== null))].sort((a, b) => a - b);
  const around = marks.flatMap((mark, i) => {
    const next = marks[i + 1];
    return next === undefined ? [mark] : [mark, mark / 2 + next / 2];
  });
  const first = marks[0]!;
  const last = marks.at(-1)!;
  const all = [first - Math.max(1, Math.abs(first)), ...around, last + Math.max(1, Math.abs(last))];
  return [...new Set(all)].filter(
    (x) => Number.isFinite(x) && (low === null || x >= low) && (high === null || x <= high),
  );
}

function texts(fact: Fact, literals: readonly unknown[]): string[] {
  if (fact.values !== null) return [...fact.values];
  const named = literals.filter((literal) => typeof literal === 'string');
  return [...new Set([...named, SOMETHING_ELSE])];
}

function subsets(items: readonly string[]): string[][] {
  return Array.from({ length: 2 ** items.length }, (_, mask) =>
    items.filter((_, i) => (mask >> i) % 2 === 1),
  );
}
