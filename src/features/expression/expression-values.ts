import type { Expression } from './expression.js';
import { FUNCTIONS } from './functions.js';

/** Numbers, times and booleans by row; NaN where not known. */
export type Numbers = Float64Array;
/** Texts by row; null where not known. */
export type Texts = readonly (string | null)[];

/** The values of the names of expressions, for all rows of a batch. */
export interface ValueNames {
  readonly length: number;
  readonly numbers: (name: string) => Numbers;
  readonly texts: (name: string) => Texts;
}

/** The values of an expression for every row. What it returns may be the values of a name: they are not to be changed. */
export function expressionValues(expression: Expression, names: ValueNames): Numbers {
  switch (expression.form) {
    case 'number':
      return new Float64Array(names.length).fill(expression.value);
    case 'boolean':
      return new Float64Array(names.length).fill(expression.value ? 1 : 0);
    case 'null':
      return new Float64Array(names.length).fill(Number.NaN);
    case 'name':
      return names.numbers(expression.name);
    case 'call':
      if (expression.args.some(({ kind }) => kind === 'text')) return ofTexts(expression, names);
      return calculated(
        expression.name,
        expression.args.map((arg) => expressionValues(arg, names)),
        names.length,
      );
    default:
      throw new RangeError(`${expression.form} has no numbers`);
  }
}

function calculated(name: string, args: readonly Numbers[], length: number): Numbers {
  const { value } = FUNCTIONS[name]!;
  const out = new Float64Array(length);
  const [a, b, c] = args;
  if (args.length === 1) for (let row = 0; row < length; row++) out[row] = value(a![row]!);
  else if (args.length === 2) for (let row = 0; row < length; row++) out[row] = value(a![row]!, b![row]!);
  else if (args.length === 3)
    for (let row = 0; row < length; row++) out[row] = value(a![row]!, b![row]!, c![row]!);
  else for (let row = 0; row < length; row++) out[row] = value(...args.map((arg) => arg[row]!));
  return out;
}

/** Texts can be compared and asked for; each becomes a number first: equal texts the same one. */
function ofTexts({ name, args }: Extract<Expression, { form: 'call' }>, names: ValueNames): Numbers {
  const codes = new Map<string, number>();
  const code = (text: string | null): number => {
    if (text === null) return Number.NaN;
    const known = codes.get(text) ?? codes.size;
    codes.set(text, known);
    return known;
  };
  const columns = args.map((arg) => Float64Array.from(textsOf(arg, names), code));
  return calculated(name, columns, names.length);
}

function textsOf(expression: Expression, names: ValueNames): Texts {
  if (expression.form === 'name') return names.texts(expression.name);
  return new Array<string | null>(names.length).fill(expression.form === 'text' ? expression.value : null);
}
