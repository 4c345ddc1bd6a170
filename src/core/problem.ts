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

/** In order of file, line and column. */
export function byPlace(a: Problem, b: Problem): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return a.line - b.line || a.column - b.column;
}

/** Each once: what many rules run into inside one shared condition is one problem. */
export function distinct(problems: readonly Problem[]): Problem[] {
  const seen = new Map<string, Problem>();
  for (const problem of problems) {
    const key = `${problem.file}:${problem.line}:${problem.column} ${problem.message}`;
    if (!seen.has(key)) seen.set(key, problem);
  }
  return [...seen.values()];
}
