import { Fault } from '../../signals/fault.js';

/** An arithmetic expression with columns in braces, taken apart once. */
export type Formula =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'column'; readonly column: string }
  | { readonly kind: 'negate'; readonly of: Formula }
  | { readonly kind: 'operation'; readonly sign: Sign; readonly left: Formula; readonly right: Formula };

type Sign = '+' | '-' | '*' | '/' | '??';

/** What is wrong with a formula, in words for the person who wrote it. */
export class FormulaError extends Error {}

const TOKEN = /\s*(?:(\d+(?:\.\d+)?)|\{([^{}]+)\}|(\?\?|[-+*/()]))/y;
/** Nesting that a formula may have. */
const DEPTH = 32;

/**
 * Takes "{unit_amount} * {quantity} * 12" apart: numbers, columns in braces, + - * /, parentheses, and `a ?? b`, which is b where
 * a is empty. Throws a FormulaError.
 */
export function parseFormula(text: string): Formula {
  const tokens = tokensOf(text);
  let at = 0;
  const peek = () => tokens[at];
  const take = (...signs: string[]): Sign | undefined => {
    const token = peek();
    if (token?.kind !== 'sign' || !signs.includes(token.text)) return undefined;
    at++;
    return token.text as Sign;
  };
  const chain = (signs: readonly string[], next: (depth: number) => Formula, depth: number): Formula => {
    let left = next(depth);
    for (let sign = take(...signs); sign !== undefined; sign = take(...signs))
      left = { kind: 'operation', sign, left, right: next(depth) };
    return left;
  };
  const sum = (depth: number): Formula => chain(['+', '-'], product, depth);
  const product = (depth: number): Formula => chain(['*', '/'], fallback, depth);
  const fallback = (depth: number): Formula => chain(['??'], single, depth);
  const single = (depth: number): Formula => {
    if (depth > DEPTH) throw new FormulaError('it nests too deep');
    if (take('-') !== undefined) return { kind: 'negate', of: single(depth + 1) };
    if (take('(') !== undefined) {
      const inner = sum(depth + 1);
      if (take(')') === undefined) throw new FormulaError('a ( is not closed');
      return inner;
    }
    const token = tokens[at++];
    if (token?.kind === 'number') return { kind: 'number', value: Number(token.text) };
    if (token?.kind === 'column') return { kind: 'column', column: token.text };
    throw new FormulaError(token === undefined ? 'it ends too early' : `\`${token.text}\` can't stand there`);
  };
  const formula = sum(0);
  const rest = peek();
  if (rest !== undefined) throw new FormulaError(`\`${rest.text}\` can't stand there`);
  return formula;
}

interface Token {
  readonly kind: 'number' | 'column' | 'sign';
  readonly text: string;
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  const end = text.trimEnd().length;
  while (TOKEN.lastIndex < end) {
    const from = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (match === null) {
      throw new FormulaError(
        `\`${text.slice(from).trim().slice(0, 20)}\` is neither a number, a {column} nor one of + - * / ?? ( )`,
      );
    }
    const [, number, column, sign] = match;
    if (number !== undefined) tokens.push({ kind: 'number', text: number });
    else if (column !== undefined) tokens.push({ kind: 'column', text: column.trim() });
    else tokens.push({ kind: 'sign', text: sign! });
  }
  return tokens;
}

/** The columns that a formula names. */
export function formulaColumns(formula: Formula): string[] {
  switch (formula.kind) {
    case 'number':
      return [];
    case 'column':
      return [formula.column];
    case 'negate':
      return formulaColumns(formula.of);
    case 'operation':
      return [...formulaColumns(formula.left), ...formulaColumns(formula.right)];
  }
}

/** The value of a formula; null: a column that it needs is empty. Throws a Fault for a division by nought. */
export function evaluateFormula(
  formula: Formula,
  numberOf: (column: string) => number | null,
  field: string,
): number | null {
  switch (formula.kind) {
    case 'number':
      return formula.value;
    case 'column':
      return numberOf(formula.column);
    case 'negate': {
      const value = evaluateFormula(formula.of, numberOf, field);
      return value === null ? null : -value;
    }
    case 'operation': {
      const left = evaluateFormula(formula.left, numberOf, field);
      if (formula.sign === '??') return left ?? evaluateFormula(formula.right, numberOf, field);
      const right = evaluateFormula(formula.right, numberOf, field);
      return left === null || right === null ? null : operate(formula.sign, left, right, field);
    }
  }
}

function operate(sign: Exclude<Sign, '??'>, left: number, right: number, field: string): number {
  switch (sign) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      if (right === 0) throw new Fault('bad_number', field, `\`${field}\`: its formula divides by nought.`);
      return left / right;
  }
}
