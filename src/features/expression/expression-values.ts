import type { Expression } from './expression.js';
import { type Argument, constantArgument, FUNCTIONS, resultOf } from './functions.js';

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

/** The values of an expression for every row, in an array that is the caller's to change. */
export function expressionValues(expression: Expression, names: ValueNames): Numbers {
  const values = evaluate(expression, names);
  if (typeof values === 'number') return new Float64Array(names.length).fill(values);
  return expression.form === 'name' ? values.slice() : values;
}

/** One number stands for all rows: a literal, or what is made of literals alone. */
type Operand = number | Numbers;

function evaluate(expression: Expression, names: ValueNames): Operand {
  switch (expression.form) {
    case 'number':
      return expression.value;
    case 'boolean':
      return expression.value ? 1 : 0;
    case 'null':
      return Number.NaN;
    case 'name':
      return names.numbers(expression.name);
    case 'call': {
      const { name, args } = expression;
      if (args.some(({ kind }) => kind === 'text')) return ofTexts(name, args, names);
      const operands = args.map((arg) => evaluate(arg, names));
      // What was computed for one argument is of no further use: its array takes the result.
      const out = operands.find(
        (operand, i): operand is Numbers => typeof operand !== 'number' && args[i]!.form === 'call',
      );
      return calculate(name, operands, out, names.length);
    }
    default:
      throw new RangeError(`${expression.form} has no numbers`);
  }
}

function calculate(
  name: string,
  operands: readonly Operand[],
  reused: Numbers | undefined,
  length: number,
): Operand {
  if (operands.every((operand) => typeof operand === 'number')) return resultOf(name, ...operands);
  const out = reused ?? new Float64Array(length);
  FUNCTIONS[name]!.over(out, ...operands.map(argumentOf));
  return out;
}

function argumentOf(operand: Operand): Argument {
  return typeof operand === 'number' ? constantArgument(operand) : { values: operand, mask: -1 };
}

/** Texts can be compared and asked for; each becomes a number first: equal texts the same one. */
function ofTexts(name: string, args: readonly Expression[], names: ValueNames): Operand {
  const codes = new Map<string, number>();
  const code = (text: string | null): number => {
    if (text === null) return Number.NaN;
    const known = codes.get(text) ?? codes.size;
    codes.set(text, known);
    return known;
  };
  const columns = args.map((arg) => Float64Array.from(textsOf(arg, names), code));
  return calculate(name, columns, columns[0], names.length);
}

function textsOf(expression: Expression, names: ValueNames): Texts {
  if (expression.form === 'name') return names.texts(expression.name);
  return new Array<string | null>(names.length).fill(expression.form === 'text' ? expression.value : null);
}
