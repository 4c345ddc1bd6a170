import { type Document, isAlias, isScalar, visit, type YAMLParseError } from 'yaml';
import { LIMITS } from './limits.js';
import type { Problem } from './problem.js';
import { plainFault } from './yaml-words.js';

/**
 * What is wrong with the form of a file: the first thing only, since after it the parser guesses. Names that stand twice are
 * reported all.
 */
export function syntaxProblems(
  errors: readonly YAMLParseError[],
  text: string,
  problem: (code: string, message: string, offset: number, suggestion?: string) => Problem,
): Problem[] {
  const sorted = [...errors].sort((a, b) => a.pos[0] - b.pos[0]);
  const first = sorted[0]!;
  const reported =
    first.code === 'DUPLICATE_KEY' ? sorted.filter(({ code }) => code === first.code) : [first];
  return reported.slice(0, LIMITS.problemsOfFile).map(({ code, message, pos }) => {
    const fault = plainFault({ code, message, offset: pos[0] }, text);
    return problem('yaml-syntax', fault.message, fault.offset, fault.suggestion);
  });
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

/** A scalar at a path as it stands in the text; undefined: there is none. */
export function rawAt(document: Document, text: string, path: readonly PropertyKey[]): string | undefined {
  const node: unknown = document.getIn(path, true);
  if (!isScalar(node) || node.range == null) return undefined;
  return text.slice(node.range[0], node.range[1]);
}
