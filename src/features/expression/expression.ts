/**
 * Expressions over measures and the contract, as data teams write them in features.yaml: `clamp(a / b - 1, -1, 3)`.
 *
 * They are total. An operation whose result is no finite number (division by zero, overflow, the logarithm of a negative
 * number, text that is no number) gives "not known", and so does almost everything that is made of something not known.
 */
export type Kind = 'number' | 'boolean' | 'time' | 'text';

/** `at`: offset in the text of the expression, to name places in errors. */
export type Expression = { readonly at: number } & (
  | { readonly form: 'number'; readonly kind: 'number'; readonly value: number }
  | { readonly form: 'boolean'; readonly kind: 'boolean'; readonly value: boolean }
  | { readonly form: 'text'; readonly kind: 'text'; readonly value: string }
  /** Fits every kind. */
  | { readonly form: 'null'; readonly kind: null }
  | { readonly form: 'name'; readonly kind: Kind; readonly name: string }
  /** An attribute of a signal. */
  | { readonly form: 'attribute'; readonly kind: 'text'; readonly name: string }
  | {
      readonly form: 'call';
      readonly kind: Kind | null;
      readonly name: string;
      readonly args: readonly Expression[];
    }
);

/** Every name that an expression uses; attributes are left out. */
export function namesIn(expression: Expression): ReadonlySet<string> {
  const names = new Set<string>();
  walk(expression, (part) => {
    if (part.form === 'name') names.add(part.name);
  });
  return names;
}

/** Every attribute of signals that an expression reads. */
export function attributesIn(expression: Expression): ReadonlySet<string> {
  const names = new Set<string>();
  walk(expression, (part) => {
    if (part.form === 'attribute') names.add(part.name);
  });
  return names;
}

function walk(expression: Expression, visit: (part: Expression) => void): void {
  visit(expression);
  if (expression.form === 'call') for (const arg of expression.args) walk(arg, visit);
}
