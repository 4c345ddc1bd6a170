import { type Document, type ErrorCode, isAlias, visit, type YAMLParseError } from 'yaml';
import { LIMITS } from './limits.js';
import type { Problem } from './problem.js';

/** What the parser found, where its own words are not for people who write rules. */
const SYNTAX: Readonly<Partial<Record<ErrorCode, string>>> = {
  DUPLICATE_KEY: 'This name stands twice in one place; keep one of them.',
  MULTIPLE_DOCS: 'A line of --- starts a second document; a file holds one.',
  TAB_AS_INDENT: 'A tab can not indent; use spaces.',
};

/** The parser's errors as problems, each once. */
export function syntaxProblems(
  errors: readonly YAMLParseError[],
  problem: (code: string, message: string, offset: number) => Problem,
): Problem[] {
  const said = new Map<string, Problem>();
  for (const { code, message, pos } of errors.slice(0, LIMITS.problemsOfFile)) {
    const open = /^Flow (map|sequence) /.exec(message)?.[1];
    const words =
      open === undefined
        ? (SYNTAX[code] ?? firstLine(message))
        : `A ${open === 'map' ? '{ needs its }' : '[ needs its ]'}: one that was opened before is not closed.`;
    const key = `${pos[0]} ${words}`;
    if (!said.has(key)) said.set(key, problem('yaml-syntax', words, pos[0]));
  }
  return [...said.values()];
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!;
}

/** Where a cheap upper bound of the nesting passes the limit, so that a bomb is refused before it is parsed; -1: nowhere. */
export function tooDeepAt(text: string): number {
  let flow = 0;
  let start = 0;
  for (const line of text.split('\n')) {
    const indent = line.length - line.trimStart().length;
    const marks = /^(?:\s*[-?]\s)+/.exec(line)?.[0].match(/[-?]/g)?.length ?? 0;
    if (Math.floor(indent / 2) + marks + flow > LIMITS.fileDepth) return start + indent;
    for (let i = 0; i < line.length; i++) {
      const char = line[i];
      if (char === '{' || char === '[') flow++;
      else if ((char === '}' || char === ']') && flow > 0) flow--;
      if (flow > LIMITS.fileDepth) return start + i;
    }
    start += line.length + 1;
  }
  return -1;
}

/** Every `*name` of a document, and whether its `&name` stands before it. */
export function aliasesOf(document: Document): { name: string; offset: number; known: boolean }[] {
  const anchors = new Set<string>();
  const aliases: { name: string; offset: number; known: boolean }[] = [];
  visit(document, {
    Node: (_, node) => {
      if (isAlias(node)) {
        aliases.push({ name: node.source, offset: node.range?.[0] ?? 0, known: anchors.has(node.source) });
      } else if (node.anchor !== undefined) anchors.add(node.anchor);
    },
  });
  return aliases;
}
