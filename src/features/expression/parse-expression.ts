import { type Expression as JsExpression, type Node, parseExpressionAt } from 'acorn';
import { didYouMean } from '../../core/nearest-name.js';
import type { Expression, Kind } from './expression.js';
import { FUNCTIONS, SIGNALS_ONLY } from './functions.js';

/** What an expression may name. */
export interface Names {
  readonly names: ReadonlyMap<string, Kind>;
  /** The attributes of the signals that it reads; null: it is not about signals. */
  readonly attributes: { readonly has: (name: string) => boolean; readonly all: Iterable<string> } | null;
}

/** A mistake in an expression. The message is a sentence; `at` is the offset in the text. */
export class ExpressionError extends Error {
  readonly at: number;
  readonly suggestion: string | undefined;

  constructor(message: string, at: number, suggestion?: string) {
    super(message);
    this.at = at;
    this.suggestion = suggestion;
  }
}

/**
 * Reads an expression of one of the wanted kinds. The grammar is JavaScript's, and acorn reads it; of that language only
 * numbers, texts, names, calls of our own functions and operators are left. Throws an ExpressionError.
 */
export function parseExpression(text: string, scope: Names, wanted: readonly Kind[]): Expression {
  const expression = typed(syntax(text), scope);
  if (expression.kind === null || !wanted.includes(expression.kind)) {
    const is = expression.kind === null ? 'never known' : `a ${expression.kind}`;
    throw new ExpressionError(`This is ${is}, and has to be a ${wanted.join(' or a ')}.`, 0);
  }
  return expression;
}

function syntax(text: string): JsExpression {
  let tree: JsExpression;
  try {
    // Parentheses are kept: without, the one that closes the whole would stand behind its end.
    tree = parseExpressionAt(text, 0, { ecmaVersion: 2020, preserveParens: true });
  } catch (thrown) {
    // acorn ends its messages with line and column of its own.
    const { message, pos } = thrown as Error & { pos?: number };
    const end = pos ?? 0;
    const what =
      end >= text.trimEnd().length ? 'The expression ends too early' : message.replace(/ \(\d+:\d+\)$/, '');
    throw new ExpressionError(`${what}.`, end);
  }
  const rest = text.slice(tree.end).search(/\S/);
  if (rest >= 0) throw new ExpressionError('The expression ends before this.', tree.end + rest);
  return tree;
}

const BINARY: Readonly<Record<string, string>> = {
  '+': '+',
  '-': '-',
  '*': '*',
  '/': '/',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
  '==': '==',
  '===': '==',
  '!=': '!=',
  '!==': '!=',
};
const LOGICAL: Readonly<Record<string, string>> = { '&&': 'and', '||': 'or', '??': 'coalesce' };

function typed(node: JsExpression, scope: Names): Expression {
  const at = node.start;
  const call = (name: string, args: readonly JsExpression[]): Expression =>
    called(
      name,
      args.map((arg) => typed(arg, scope)),
      at,
    );
  switch (node.type) {
    case 'Literal': {
      const { value } = node;
      if (value === null) return { form: 'null', kind: null, at };
      if (typeof value === 'number') {
        if (!Number.isFinite(value)) throw new ExpressionError('This number is too large.', at);
        return { form: 'number', kind: 'number', value, at };
      }
      if (typeof value === 'string') return { form: 'text', kind: 'text', value, at };
      if (typeof value === 'boolean') return { form: 'boolean', kind: 'boolean', value, at };
      break;
    }
    case 'ParenthesizedExpression':
      return typed(node.expression, scope);
    case 'Identifier':
      return named(node.name, scope, at);
    case 'MemberExpression':
      return attribute(node, scope);
    case 'UnaryExpression':
      if (node.operator === '!') return call('not', [node.argument]);
      if (node.operator === '-') return negative(typed(node.argument, scope), at);
      break;
    case 'BinaryExpression': {
      const name = BINARY[node.operator];
      if (name === undefined || node.left.type === 'PrivateIdentifier') break;
      return call(name, [node.left, node.right]);
    }
    case 'LogicalExpression': {
      const name = LOGICAL[node.operator];
      if (name === undefined) break;
      return call(name, [node.left, node.right]);
    }
    case 'ConditionalExpression':
      return call('if', [node.test, node.consequent, node.alternate]);
    case 'CallExpression': {
      if (node.callee.type !== 'Identifier') break;
      const { name } = node.callee;
      const known = Object.keys(FUNCTIONS).filter((key) => /^[a-z]/.test(key) && !OPERATORS.has(key));
      if (!known.includes(name))
        throw new ExpressionError(`There is no function \`${name}\`.`, at, didYouMean(name, known));
      if (SIGNALS_ONLY.has(name) && scope.attributes === null)
        throw new ExpressionError(`\`${name}\` reads attributes of signals, in measures only.`, at);
      const args = node.arguments.filter((arg) => arg.type !== 'SpreadElement');
      if (args.length < node.arguments.length) break;
      return call(name, args);
    }
  }
  throw new ExpressionError(
    'Only numbers, texts in quotes, names, functions and operators can stand here.',
    at,
  );
}

/** Those are written as operators. */
const OPERATORS: ReadonlySet<string> = new Set(['and', 'or', 'not', 'if', 'negative']);

function called(name: string, args: readonly Expression[], at: number): Expression {
  const { result, usage } = FUNCTIONS[name]!;
  const kinds = args.map(({ kind }) => kind);
  const kind = result(kinds);
  // What has nothing but null in it is never known, whatever the kind.
  if (kind === null && !(kinds.length > 0 && kinds.every((one) => one === null))) {
    const given = kinds.length === 0 ? 'nothing' : kinds.map((one) => one ?? 'null').join(', ');
    throw new ExpressionError(`\`${usage}\` can't take ${given}.`, at);
  }
  return { form: 'call', kind, name, args, at };
}

function negative(arg: Expression, at: number): Expression {
  return arg.form === 'number' ? { ...arg, value: -arg.value, at } : called('negative', [arg], at);
}

function named(name: string, { names, attributes }: Names, at: number): Expression {
  const kind = names.get(name);
  if (kind !== undefined) return { form: 'name', kind, name, at };
  if (attributes?.has(name) === true)
    throw new ExpressionError(
      `\`${name}\` is an attribute of the signal.`,
      at,
      `did you mean \`attributes.${name}\`?`,
    );
  throw new ExpressionError(`There is nothing called \`${name}\`.`, at, didYouMean(name, names.keys()));
}

function attribute(
  node: Extract<JsExpression, { type: 'MemberExpression' }>,
  { attributes }: Names,
): Expression {
  const { object, property } = node;
  const name = memberName(property, node.computed);
  if (object.type !== 'Identifier' || object.name !== 'attributes' || name === undefined)
    throw new ExpressionError('Only `attributes.<name>` has a point in it.', node.start);
  if (attributes === null)
    throw new ExpressionError('Attributes belong to signals: use them in measures.', node.start);
  if (!attributes.has(name))
    throw new ExpressionError(
      `No signal type that this measure reads has an attribute \`${name}\` in signals.yaml.`,
      node.start,
      didYouMean(name, attributes.all),
    );
  return { form: 'attribute', kind: 'text', name, at: node.start };
}

function memberName(property: Node, computed: boolean): string | undefined {
  const { type, name, value } = property as Node & { name?: string; value?: unknown };
  if (type === 'Identifier' && !computed) return name;
  return type === 'Literal' && typeof value === 'string' ? value : undefined;
}
