import type { EngineConnection } from '../engine/engine-connection.js';

/** A node of the engine's own tree of a statement. */
export interface Node {
  /** Such as Function, TableIdentifier, Identifier. */
  readonly type: string;
  readonly name: string;
  readonly parent: Node | undefined;
  readonly children: readonly Node[];
}

/**
 * The nodes of a statement as the engine reads it, parameters filled in, from the top down. None unless the text is one
 * statement: of several, the engine would explain the first and run the others.
 */
export async function syntaxTree(connection: EngineConnection, sql: string): Promise<readonly Node[]> {
  const { count } = await connection.classify(sql);
  if (count !== 1) return [];
  const lines = await connection.rows<{ explain: string }>(`EXPLAIN AST ${sql}`);
  const nodes: Node[] = [];
  /** The node last seen at each depth: the parent of what stands one deeper. */
  const open: { node: Node; children: Node[] }[] = [];
  for (const { explain } of lines) {
    if (explain.trim() === '') continue;
    const text = explain.trimStart();
    const depth = explain.length - text.length;
    const words = text.split(/\s+/);
    const two = TWO_WORDS.has(`${words[0]} ${words[1]}`) ? 2 : 1;
    const name = words[two] ?? '';
    const above = open[depth - 1];
    const children: Node[] = [];
    const node: Node = {
      type: words.slice(0, two).join(' '),
      name: name.startsWith('(') ? '' : name,
      parent: above?.node,
      children,
    };
    above?.children.push(node);
    open[depth] = { node, children };
    nodes.push(node);
  }
  return nodes;
}

/** Types that the engine writes in two words. */
const TWO_WORDS = new Set(['Storage definition', 'Columns definition', 'Dictionary definition']);
