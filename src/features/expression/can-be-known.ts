import type { Expression } from './expression.js';
import { resultOf } from './functions.js';

/** What an expression can come to while some names are not known. */
interface Possible {
  readonly known: boolean;
  /** The one value that it always has; null: there are several, or none. */
  readonly constant: number | null;
}

const NEVER: Possible = { known: false, constant: null };
const ANYTHING: Possible = { known: true, constant: null };

/**
 * Whether the expression can be known at all while these names are not. What follows from its form decides: a sum needs all its
 * parts, `coalesce` needs one, `a || b` can be true by one of the two, and `!known(a) && b` can't be false by the first, as that
 * is true.
 */
export function canBeKnown(expression: Expression, unknown: (name: string) => boolean): boolean {
  return possible(expression, unknown).known;
}

/** Whether a condition can hold while these names are not known. */
export function canHold(condition: Expression, unknown: (name: string) => boolean): boolean {
  return canBe(possible(condition, unknown), 1);
}

function possible(expression: Expression, unknown: (name: string) => boolean): Possible {
  switch (expression.form) {
    case 'null':
      return NEVER;
    case 'number':
      return constant(expression.value);
    case 'boolean':
      return constant(expression.value ? 1 : 0);
    case 'name':
      return unknown(expression.name) ? NEVER : ANYTHING;
    case 'call':
      return called(
        expression.name,
        expression.args.map((arg) => possible(arg, unknown)),
      );
    default:
      return ANYTHING;
  }
}

function called(name: string, args: readonly Possible[]): Possible {
  const [a, b, c] = args as [Possible, Possible, Possible];
  switch (name) {
    case 'known':
      return a.known ? (a.constant === null ? ANYTHING : constant(1)) : constant(0);
    case 'coalesce': {
      const known = args.filter((arg) => arg.known);
      return known.length === 1 || known[0]?.constant !== null ? (known[0] ?? NEVER) : ANYTHING;
    }
    case 'and':
      return decided(a, b, 0);
    case 'or':
      return decided(a, b, 1);
    case 'if':
      if (a.constant !== null) return a.constant === 1 ? b : c;
      return a.known && (b.known || c.known) ? ANYTHING : NEVER;
    default: {
      if (args.some((arg) => !arg.known)) return NEVER;
      if (args.some((arg) => arg.constant === null)) return ANYTHING;
      const value = resultOf(name, ...args.map((arg) => arg.constant!));
      return Number.isNaN(value) ? NEVER : constant(value);
    }
  }
}

/** Of two conditions where either decides by having one value: 0 of "and", 1 of "or". */
function decided(a: Possible, b: Possible, value: 0 | 1): Possible {
  if (a.constant === value || b.constant === value) return constant(value);
  const other = value === 1 ? 0 : 1;
  if (a.constant === other && b.constant === other) return constant(other);
  const known = canBe(a, value) || canBe(b, value) || (canBe(a, other) && canBe(b, other));
  return known ? ANYTHING : NEVER;
}

function canBe({ known, constant: is }: Possible, value: number): boolean {
  return known && (is === null || is === value);
}

function constant(value: number): Possible {
  return { known: true, constant: value };
}
