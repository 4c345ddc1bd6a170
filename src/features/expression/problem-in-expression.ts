import type { Problem } from '../../core/problem.js';
import { problemAt, type YamlFile } from '../../core/yaml-file.js';
import type { ExpressionError } from './parse-expression.js';

/**
 * A mistake inside an expression, at its own column where the expression stands on one line of the file as it is; else at the
 * beginning of the expression.
 */
export function problemInExpression(
  file: YamlFile,
  path: readonly PropertyKey[],
  error: ExpressionError,
): Problem {
  const { at, message, suggestion } = error;
  const problem = problemAt(
    file,
    path,
    'expression',
    message,
    suggestion === undefined ? {} : { suggestion },
  );
  const text = path.reduce<unknown>(
    (value, key) => (value as Record<PropertyKey, unknown>)?.[key],
    file.value,
  );
  const line = file.text.split('\n')[problem.line - 1];
  if (typeof text !== 'string' || line === undefined) return problem;
  const quote = /^['"]/.test(line.slice(problem.column - 1)) ? 1 : 0;
  const begin = problem.column - 1 + quote;
  return line.startsWith(text, begin) ? { ...problem, column: begin + at + 1 } : problem;
}
