import type { EngineConnection } from '../engine/engine-connection.js';
import { type Token, tokens } from '../engine/sql-text.js';
import { quoteText } from '../sql-quote.js';

/** What a statement sets and calls, wherever in it. */
export interface StatementNames {
  /** SETTINGS clauses. */
  readonly clauses: number;
  readonly settings: readonly (readonly [name: string, value: string])[];
  /** Names before a bracket: functions, engines, sources, types. */
  readonly calls: readonly string[];
  /** INTO OUTFILE or FROM INFILE. */
  readonly files: boolean;
  /** The statement without its SETTINGS clauses. */
  readonly bare: string;
}

/**
 * Reads the statement as the engine itself writes it: there every comment is gone, every text is quoted and every keyword is in
 * capitals, so that words are words.
 */
export async function statementSettings(connection: EngineConnection, sql: string): Promise<StatementNames> {
  const [row] = await connection.rows<{ text: string }>(
    `SELECT formatQuerySingleLine(${quoteText(sql)}) AS text`,
  );
  const text = row?.text ?? '';
  const all = [...tokens(text)];
  const at = (token: Token | undefined) => (token === undefined ? '' : text.slice(token.start, token.end));
  const calls: string[] = [];
  const settings: [string, string][] = [];
  let clauses = 0;
  let bare = '';
  let bareFrom = 0;
  for (let i = 0; i < all.length; i++) {
    const token = all[i]!;
    if ((token.kind === 'word' || token.kind === 'quoted') && at(all[i + 1]) === '(')
      calls.push(at(token).replace(/^[`"]|[`"]$/g, ''));
    const begins =
      token.kind === 'word' &&
      ((i === 0 && at(token) === 'SET') ||
        at(token) === 'SETTINGS' ||
        (at(token) === 'SETTING' && at(all[i - 1]) === 'MODIFY'));
    if (!begins || at(all[i + 2]) !== '=') continue;
    clauses++;
    bare += text.slice(bareFrom, token.start);
    for (let name = i + 1; at(all[name + 1]) === '='; ) {
      const end = valueEnd(all, name + 2, at);
      bareFrom = all[end - 1]!.end;
      settings.push([at(all[name]), unquoted(text.slice(all[name + 2]!.start, all[end - 1]!.end))]);
      if (at(all[end]) !== ',') break;
      name = end + 1;
    }
  }
  const files = all.some((token) => token.kind === 'word' && /^(OUTFILE|INFILE)$/.test(at(token)));
  return { clauses, settings, calls, files, bare: bare + text.slice(bareFrom) };
}

/** The token behind a value: a literal, perhaps with a sign, or something with brackets. */
function valueEnd(all: readonly Token[], from: number, at: (token: Token | undefined) => string): number {
  let end = at(all[from]) === '-' ? from + 1 : from;
  const bracket = /^[([{]$/.test(at(all[end])) ? end : end + 1;
  if (!/^[([{]$/.test(at(all[bracket]))) return end + 1;
  const depth = all[bracket]!.depth;
  end = bracket + 1;
  while (end < all.length && all[end]!.depth > depth) end++;
  return end + 1;
}

function unquoted(value: string): string {
  return /^'.*'$/s.test(value) ? value.slice(1, -1).replace(/\\(.)/gs, '$1') : value;
}
