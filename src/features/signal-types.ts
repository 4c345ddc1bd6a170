import { quoteText } from '../core/sql-text.js';
import { CATEGORIES, type Category } from '../signals/signal.js';

/** Signal types that a measure reads: by name, whatever the category, and whole categories. */
export interface TypeSet {
  readonly types: readonly string[];
  readonly categories: readonly Category[];
}

/** From the names of a file: `ticket_opened`, `usage.*`. */
export function typeSetOf(names: string | readonly string[]): TypeSet {
  const all = [names].flat();
  const categories = CATEGORIES.filter((category) => all.includes(`${category}.*`));
  return { types: [...new Set(all.filter((name) => !name.endsWith('.*')))].sort(), categories };
}

export function union(sets: readonly TypeSet[]): TypeSet {
  return {
    types: [...new Set(sets.flatMap(({ types }) => types))].sort(),
    categories: CATEGORIES.filter((category) => sets.some(({ categories }) => categories.includes(category))),
  };
}

export function sameTypes(a: TypeSet, b: TypeSet): boolean {
  return a.types.join() === b.types.join() && a.categories.join() === b.categories.join();
}

/** "ticket_opened", "usage.*": as files write them. */
export function typeNames({ types, categories }: TypeSet): readonly string[] {
  return [...types, ...categories.map((category) => `${category}.*`)];
}

/** A condition on the columns `type` and `category`. */
export function typesSql({ types, categories }: TypeSet): string {
  const parts = [
    ...(categories.length === 0 ? [] : [anyOf('category', categories)]),
    ...(types.length === 0 ? [] : [anyOf('type', types)]),
  ];
  return parts.length === 1 ? parts[0]! : `(${parts.join(' OR ')})`;
}

function anyOf(column: string, values: readonly string[]): string {
  return values.length === 1
    ? `${column} = ${quoteText(values[0]!)}`
    : `${column} IN (${values.map(quoteText).join(', ')})`;
}
