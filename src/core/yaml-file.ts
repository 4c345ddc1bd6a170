import { isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import type { z } from 'zod';
import { LIMITS } from './limits.js';
import { didYouMean, nearest } from './nearest-name.js';
import type { Problem } from './problem.js';
import { keysAt } from './schema-keys.js';
import { issueInWords, kindInWords, pathInWords } from './schema-words.js';
import { mangledNumbers } from './yaml-numbers.js';
import { aliasesOf, rawAt, syntaxProblems, tooDeepAt } from './yaml-syntax.js';

/** A YAML or JSON file that a person wrote, read with the place of every value. JSON is YAML, so one reader serves both. */
export interface YamlFile {
  readonly path: string;
  readonly text: string;
  /** The plain value, aliases resolved. Undefined when the file could not be read; then `problems` says why. */
  readonly value: unknown;
  readonly problems: readonly Problem[];
  /** How a number, text or truth was written, quotes and all, such as `1.10` for the number 1.1; undefined where there is none. */
  rawOf(path: readonly PropertyKey[]): string | undefined;
  /** Line and column of the value at a path, or of its nearest ancestor that is there. `key: true` gives the key's own place. */
  locate(
    path: readonly PropertyKey[],
    options?: { readonly key?: boolean },
  ): { line: number; column: number };
}

export function readYaml(path: string, original: string): YamlFile {
  // Lines that end in a carriage return alone are lines; every place stays the same.
  const text = original.replaceAll(/\r(?!\n)/g, '\n');
  const lines = new LineCounter();
  const problem = (code: string, message: string, offset: number, suggestion?: string): Problem => {
    const { line, col } = lines.linePos(Math.max(0, offset));
    return {
      severity: 'error',
      code,
      message,
      file: path,
      line: Math.max(1, line),
      column: Math.max(1, col),
      ...(suggestion === undefined ? {} : { suggestion }),
    };
  };
  const nowhere = () => ({ line: 1, column: 1 });
  const failed = (...problems: Problem[]): YamlFile => ({
    path,
    text,
    value: undefined,
    problems,
    rawOf: () => undefined,
    locate: nowhere,
  });

  if (Buffer.byteLength(text) > LIMITS.fileBytes) {
    return failed(problem('file-too-large', `The file is larger than ${LIMITS.fileBytes} bytes.`, 0));
  }
  for (const [code, offset, message] of [
    ['wrong-encoding', text.indexOf('\u{FFFD}'), 'This is not UTF-8; save the file in that encoding.'],
    ['too-deep', tooDeepAt(text), `The file nests deeper than ${LIMITS.fileDepth} levels.`],
  ] as const) {
    if (offset < 0) continue;
    // The parser, which counts lines, is not let near such a file.
    lines.lineStarts = [0, ...Array.from(text.slice(0, offset).matchAll(/\n/g), ({ index }) => index + 1)];
    return failed(problem(code, message, offset));
  }
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    logLevel: 'error',
  });
  // What the parser warns of are tags that it does not know: of a text that begins with ! they take a part away.
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) return failed(...syntaxProblems(faults, text, problem));
  const mangled = mangledNumbers(document, text).slice(0, LIMITS.problemsOfFile);
  if (mangled.length > 0) {
    return failed(
      ...mangled.map(({ source, value, offset }) => {
        const message = `\`${source}\` is read as the number ${value}. A number that is a name or an id has to stand in quotes.`;
        return problem('mangled-number', message, offset, `write "${source}"`);
      }),
    );
  }
  // Most files have none, and large ones take long to walk.
  const aliases = text.includes('*') ? aliasesOf(document) : [];
  const lost = aliases.filter(({ known }) => !known).slice(0, LIMITS.problemsOfFile);
  if (lost.length > 0) {
    return failed(
      ...lost.map(({ name, offset }) =>
        problem('yaml-alias', `\`*${name}\` needs an \`&${name}\` before it.`, offset),
      ),
    );
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch {
    const message = 'References by `*name` lead back to themselves or write out too much; use fewer of them.';
    return failed(problem('yaml-alias', message, aliases[0]?.offset ?? 0));
  }

  const locate: YamlFile['locate'] = (wanted, options) => {
    let node = document.contents as Node | null;
    let offset = node?.range?.[0] ?? 0;
    wanted.forEach((step, depth) => {
      if (node === null) return;
      const last = depth === wanted.length - 1;
      if (isMap(node)) {
        const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
        if (pair === undefined) {
          node = null;
          return;
        }
        const key = pair.key as Node;
        const next = pair.value as Node | null;
        offset =
          (last && options?.key === true ? key.range?.[0] : (next?.range?.[0] ?? key.range?.[0])) ?? offset;
        node = next;
      } else {
        const next = document.getIn(wanted.slice(0, depth + 1), true) as Node | undefined;
        if (next?.range != null) offset = next.range[0];
        node = next ?? null;
      }
    });
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const rawOf = (wanted: readonly PropertyKey[]) => rawAt(document, text, wanted);
  return { path, text, value, problems: [], rawOf, locate };
}

/**
 * Checks a file's value against a schema. Every violation becomes a Problem with its place and, for a misspelt key, with
 * the nearest known one. The data is undefined exactly when there are problems.
 */
export function checkYaml<T>(
  file: YamlFile,
  schema: z.ZodType<T>,
): { data: T; problems: readonly [] } | { data: undefined; problems: readonly Problem[] } {
  if (file.problems.length > 0) return { data: undefined, problems: file.problems };
  const parsed = schema.safeParse(file.value, { reportInput: true, error: issueInWords });
  if (parsed.success) return { data: parsed.data, problems: [] };
  // Each issue is a problem at most: enough of them for one more than are reported.
  const issues = chosen(parsed.error.issues, 2 * LIMITS.problemsOfFile + 1);
  // A misspelt key is missing under its right name too; that need not be said.
  const meant = new Set(
    issues.flatMap((issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => [...issue.path, nearest(key, keysAt(schema, issue.path)) ?? ''].join('\n'))
        : [],
    ),
  );
  const problems: Problem[] = [];
  for (const issue of issues) {
    if (issue.input === undefined && meant.has(issue.path.join('\n'))) continue;
    if (problems.length >= LIMITS.problemsOfFile) {
      problems.push(problemAt(file, issue.path, 'more-problems', 'There is more wrong from here on.'));
      break;
    }
    problems.push(...problemsOf(file, schema, issue));
  }
  return { data: undefined, problems };
}

/** A Problem at a path of the file, for checks that go beyond the schema. */
export function problemAt(
  file: YamlFile,
  path: readonly PropertyKey[],
  code: string,
  message: string,
  more: {
    readonly severity?: 'error' | 'warning';
    readonly suggestion?: string;
    readonly key?: boolean;
  } = {},
): Problem {
  return {
    severity: more.severity ?? 'error',
    code,
    message,
    file: file.path,
    ...file.locate(path, { key: more.key ?? false }),
    ...(more.suggestion === undefined ? {} : { suggestion: more.suggestion }),
  };
}

function problemsOf(file: YamlFile, schema: z.ZodType, issue: z.core.$ZodIssue): Problem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.slice(0, LIMITS.problemsOfFile).map((key) => {
      const known = [...keysAt(schema, issue.path)];
      // Other alternatives of this place have it, and the one that was chosen has not.
      const isOfAnother = known.includes(key);
      const suggestion = isOfAnother ? undefined : didYouMean(key, known);
      const message = `\`${key}\` ${isOfAnother ? "can't stand beside what is chosen here" : 'is not known here'}.`;
      return problemAt(file, [...issue.path, key], 'unknown-key', message, {
        key: true,
        ...(suggestion === undefined ? {} : { suggestion }),
      });
    });
  }
  if (issue.code === 'invalid_key') {
    const [inner] = issue.issues;
    const message = `\`${String(issue.path.at(-1))}\` can't stand here: ${inner?.message ?? issue.message}.`;
    return [problemAt(file, issue.path, 'schema', message, { key: true })];
  }
  const where = pathInWords(issue.path);
  const place = where.charAt(0).toUpperCase() + where.slice(1);
  if (issue.input === undefined && (issue.code === 'invalid_type' || issue.code === 'invalid_union')) {
    return [problemAt(file, issue.path, 'missing-key', `${place} is missing.`)];
  }
  const expected = issue.code === 'invalid_union' ? [...new Set(expectedKinds(issue))] : [];
  const message = expected.length > 0 ? `has to be ${expected.map(kindInWords).join(' or ')}` : issue.message;
  // What a schema says in its own words is a sentence of its own; what is said here goes on after the place.
  const joined = /^(has|is) /.test(message) ? `${place} ${message}.` : `${place}: ${message}.`;
  const suggestion = suggestionFor(issue);
  return [problemAt(file, issue.path, 'schema', joined, suggestion === undefined ? {} : { suggestion })];
}

/** Of alternatives, the one that fits the kind of value: what is wrong with it says more than that none of them matched. */
function chosen(issues: readonly z.core.$ZodIssue[], most: number): z.core.$ZodIssue[] {
  const found: z.core.$ZodIssue[] = [];
  for (const issue of issues) {
    if (found.length >= most) break;
    const fitting =
      issue.code === 'invalid_union' ? issue.errors.filter((errors) => !errors.some(isOfAnotherKind)) : [];
    const [only] = fitting;
    if (fitting.length !== 1 || only === undefined) {
      found.push(issue);
      continue;
    }
    const placed = only
      .slice(0, most)
      .map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }) as z.core.$ZodIssue);
    found.push(...chosen(placed, most - found.length));
  }
  return found;
}

/** Whether an alternative asks for another kind of value than the one that is there. */
function isOfAnotherKind({ code, path, input }: z.core.$ZodIssue): boolean {
  if (path.length > 0) return false;
  return (
    code === 'invalid_type' ||
    code === 'invalid_union' ||
    (code === 'invalid_value' && typeof input !== 'string')
  );
}

/** The nearest of the texts that may stand there. */
function suggestionFor(issue: z.core.$ZodIssue): string | undefined {
  const texts = (values: readonly unknown[]) => values.filter((value) => typeof value === 'string');
  if (issue.code === 'invalid_value' && typeof issue.input === 'string') {
    return didYouMean(issue.input, texts(issue.values));
  }
  const { discriminator, options } = issue as { discriminator?: string; options?: unknown[] };
  if (discriminator === undefined || options === undefined) return undefined;
  const value = (issue.input as Record<string, unknown>)[discriminator];
  return typeof value === 'string' ? didYouMean(value, texts(options)) : undefined;
}

/** The kinds of value that the alternatives of a union ask for. */
function expectedKinds(issue: z.core.$ZodIssueInvalidUnion): string[] {
  return issue.errors.flat().flatMap((inner) => {
    if (inner.path.length > 0) return [];
    if (inner.code === 'invalid_union') return expectedKinds(inner);
    return inner.code === 'invalid_type' ? [inner.expected] : [];
  });
}
