/**
 * A problem in a file that a person wrote: what, where, and what to do. Checks gather all problems of a file instead of
 * stopping at the first.
 */
export interface Problem {
  readonly severity: 'error' | 'warning';
  /** Stable code in kebab case, such as "unknown-fact". */
  readonly code: string;
  /** What is wrong and what was expected, in one sentence. */
  readonly message: string;
  /** File path as the person gave it. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** What to write instead, where that can be guessed. */
  readonly suggestion?: string;
}

/** `file:line:column: error: message (suggestion)`, the form that editors and terminals make clickable. */
export function formatProblem(problem: Problem): string {
  const place = `${problem.file}:${problem.line}:${problem.column}`;
  const suggestion = problem.suggestion === undefined ? '' : ` (${problem.suggestion})`;
  return `${place}: ${problem.severity}: ${problem.message}${suggestion} [${problem.code}]`;
}
