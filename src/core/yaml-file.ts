import { distance } from 'fastest-levenshtein';
import { isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import type { z } from 'zod';
import { LIMITS } from './limits.js';
import type { Problem } from './problem.js';

/** A YAML or JSON file that a person wrote, read with the place of every value. JSON is YAML, so one reader serves both. */
export interface YamlFile {
  readonly path: string;
  readonly text: string;
  /** The plain value, aliases resolved. Undefined when the file could not be read; then `problems` says why. */
  readonly value: unknown;
  readonly problems: readonly Problem[];
  /** Line and column of the value at a path, or of its nearest ancestor that is there. `key: true` gives the key's own place. */
  locate(
    path: readonly PropertyKey[],
    options?: { readonly key?: boolean },
  ): { line: number; column: number };
}

export function readYaml(path: string, text: string): YamlFile {
  const lines = new LineCounter();
  const problem = (code: string, message: string, offset: number): Problem => {
    const { line, col } = lines.linePos(Math.max(0, offset));
    return {
      severity: 'error',
      code,
      message,
      file: path,
      line: Math.max(1, line),
      column: Math.max(1, col),
    };
  };
  const nowhere = () => ({ line: 1, column: 1 });
  const failed = (...problems: Problem[]): YamlFile => ({
    path,
    text,
    value: undefined,
    problems,
    locate: nowhere,
  });

  if (Buffer.byteLength(text) > LIMITS.fileBytes) {
    return failed(problem('file-too-large', `The file is larger than ${LIMITS.fileBytes} bytes.`, 0));
  }
  if (deepestNesting(text) > LIMITS.fileDepth) {
    return failed(problem('too-deep', `The file nests deeper than ${LIMITS.fileDepth} levels.`, 0));
  }
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    logLevel: 'error',
  });
  if (document.errors.length > 0) {
    return failed(...document.errors.map((e) => problem('yaml-syntax', firstLine(e.message), e.pos[0])));
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (thrown) {
    return failed(
      problem('yaml-alias', firstLine(thrown instanceof Error ? thrown.message : String(thrown)), 0),
    );
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
  return { path, text, value, problems: [], locate };
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
  const parsed = schema.safeParse(file.value, { reportInput: true });
  if (parsed.success) return { data: parsed.data, problems: [] };
  return {
    data: undefined,
    problems: parsed.error.issues.flatMap((issue) => problemsOf(file, schema, issue)),
  };
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

/** "did you mean `x`?" for the nearest of the known names, or undefined when none is near. */
export function didYouMean(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.ceil(name.length / 3)) + 1;
  // An iterator can be walked once only.
  const names = [...known];
  for (const candidate of names) {
    const d = distance(name, candidate);
    if (d < bestDistance) {
      best = candidate;
      bestDistance = d;
    }
  }
  best ??= sharingWords(name, names);
  return best === undefined ? undefined : `did you mean \`${best}\`?`;
}

/** The nearest name that has at least half of the words of `name`, such as `adoption_breadth` for `featrue_breadth`. */
function sharingWords(name: string, known: readonly string[]): string | undefined {
  const words = name.split('_').filter((word) => word.length >= 4);
  let best: string | undefined;
  let bestShared = Math.max(1, words.length / 2);
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const shared = candidate.split('_').filter((word) => words.includes(word)).length;
    const d = distance(name, candidate);
    if (shared > bestShared || (shared === bestShared && d < bestDistance)) {
      best = candidate;
      bestShared = shared;
      bestDistance = d;
    }
  }
  return best;
}

function problemsOf(file: YamlFile, schema: z.ZodType, issue: z.core.$ZodIssue): Problem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const suggestion = didYouMean(key, keysAt(schema, issue.path));
      return problemAt(file, [...issue.path, key], 'unknown-key', `\`${key}\` is not known here.`, {
        key: true,
        ...(suggestion === undefined ? {} : { suggestion }),
      });
    });
  }
  if (issue.code === 'invalid_union') {
    // Of the alternatives, the one that fits the kind of value tells more than that none of them matched.
    const fitting = issue.errors.filter((issues) =>
      issues.every(
        ({ code, path }) => (code !== 'invalid_type' && code !== 'invalid_union') || path.length > 0,
      ),
    );
    const [only] = fitting;
    if (fitting.length === 1 && only !== undefined) {
      return only.flatMap((inner) =>
        problemsOf(file, schema, { ...inner, path: [...issue.path, ...inner.path] } as z.core.$ZodIssue),
      );
    }
  }
  const where = issue.path.length === 0 ? 'The file' : `\`${issue.path.map(String).join('.')}\``;
  if (issue.input === undefined && (issue.code === 'invalid_type' || issue.code === 'invalid_union')) {
    return [problemAt(file, issue.path, 'missing-key', `${where} is missing.`)];
  }
  const expected = issue.code === 'invalid_union' ? [...new Set(expectedKinds(issue))] : [];
  const message = expected.length > 0 ? `Invalid input: expected ${expected.join(' or ')}` : issue.message;
  return [problemAt(file, issue.path, 'schema', `${where}: ${message}.`)];
}

/** The kinds of value that the alternatives of a union ask for. */
function expectedKinds(issue: z.core.$ZodIssueInvalidUnion): string[] {
  return issue.errors.flat().flatMap((inner) => {
    if (inner.path.length > 0) return [];
    if (inner.code === 'invalid_union') return expectedKinds(inner);
    return inner.code === 'invalid_type' ? [inner.expected] : [];
  });
}

/** The keys that the schema knows at a path, as far as its JSON Schema tells. */
function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  type Def = {
    type?: string;
    shape?: Record<string, z.ZodType>;
    element?: z.ZodType;
    valueType?: z.ZodType;
    innerType?: z.ZodType;
    options?: z.ZodType[];
    in?: z.ZodType;
  };
  let current: z.ZodType[] = [schema];
  const unwrap = (s: z.ZodType): z.ZodType[] => {
    const def = s.def as unknown as Def;
    if (def.innerType !== undefined) return unwrap(def.innerType);
    if (def.type === 'pipe' && def.in !== undefined) return unwrap(def.in);
    if (def.options !== undefined && def.type === 'union') return def.options.flatMap(unwrap);
    return [s];
  };
  for (const step of path) {
    current = current.flatMap(unwrap).flatMap((s) => {
      const def = s.def as unknown as Def;
      const next = def.shape?.[String(step)] ?? def.element ?? def.valueType;
      return next === undefined ? [] : [next];
    });
  }
  return current.flatMap(unwrap).flatMap((s) => Object.keys((s.def as unknown as Def).shape ?? {}));
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!;
}

/** A cheap upper bound of the nesting, so that a bomb is refused before it is parsed. */
function deepestNesting(text: string): number {
  let flow = 0;
  let deepest = 0;
  for (const line of text.split('\n')) {
    const indent = line.length - line.trimStart().length;
    const dashes = /^(?:\s*-\s)+/.exec(line)?.[0].split('-').length ?? 1;
    deepest = Math.max(deepest, Math.floor(indent / 2) + dashes - 1 + flow);
    for (const char of line) {
      if (char === '{' || char === '[') deepest = Math.max(deepest, ++flow);
      else if ((char === '}' || char === ']') && flow > 0) flow--;
    }
  }
  return deepest;
}
