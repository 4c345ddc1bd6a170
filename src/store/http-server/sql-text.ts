/**
 * Places in the text of one statement. The engine parses SQL; this only finds where a clause can be put in, and where the
 * rows of an INSERT begin, for which it has to tell words from strings, names and comments.
 */
export interface Token {
  readonly kind: 'word' | 'quoted' | 'text' | 'number' | 'sign';
  readonly start: number;
  readonly end: number;
  /** Parentheses, brackets and braces that are open here. */
  readonly depth: number;
}

export interface StatementText {
  readonly firstWord: string;
  /** An INSERT whose rows follow the statement, in the text or beside it. */
  readonly rowsFollow: boolean;
  /** Where the rows begin in the text, after `FORMAT x` or `VALUES`. */
  readonly rowsAt: number;
  /** Where INTO OUTFILE or FROM INFILE belongs. */
  readonly clauseAt: number;
  /** The format that the statement names. */
  readonly format: string | undefined;
  /** End of the statement without its semicolon; where rows follow, without FORMAT or VALUES either. */
  readonly end: number;
  /** An INSERT that takes its rows through the table function `input`. */
  readonly usesInput: boolean;
  /** INTO OUTFILE or FROM INFILE stands in the text. */
  readonly touchesFiles: boolean;
  /** More statements follow a semicolon. */
  readonly several: boolean;
  /** Places of the word `query_id`. */
  readonly queryIds: readonly { start: number; end: number }[];
}

/** Takes a statement apart. The text may be bytes read as latin1: then the places are byte offsets. */
export function readStatement(sql: string): StatementText {
  const seen: Token[] = [];
  const word = (token: Token | undefined): string =>
    token?.kind === 'word' ? sql.slice(token.start, token.end).toUpperCase() : '';
  let insert = false;
  let select = false;
  let settingsAt = -1;
  let semicolon = -1;
  let several = false;
  let touchesFiles = false;
  let usesInput = false;
  const queryIds: { start: number; end: number }[] = [];
  const finish = (found: Partial<StatementText>): StatementText => ({
    firstWord: word(seen[0]),
    rowsFollow: false,
    rowsAt: sql.length,
    clauseAt: seen.at(-1)?.end ?? 0,
    format: undefined,
    end: seen.at(-1)?.end ?? 0,
    usesInput,
    touchesFiles,
    several,
    queryIds,
    ...found,
  });

  for (const token of tokens(sql)) {
    if (semicolon >= 0) {
      if (sql[token.start] !== ';') several = true;
      continue;
    }
    if (token.depth === 0 && sql[token.start] === ';' && token.kind === 'sign') {
      semicolon = token.start;
      continue;
    }
    const previous = seen.at(-1);
    seen.push(token);
    const text = word(token);
    const before = word(previous);
    if (text === 'QUERY_ID') queryIds.push({ start: token.start, end: token.end });
    if ((text === 'OUTFILE' && before === 'INTO') || (text === 'INFILE' && before === 'FROM')) {
      touchesFiles = true;
    }
    if (insert && sql[token.start] === '(' && before === 'INPUT') usesInput = true;
    if (token.depth > 0) continue;
    if (text === 'INSERT' && seen.length === 1) insert = true;
    if (text === 'SELECT' || text === 'WITH' || text === 'WATCH') select = true;
    if (insert && !select) {
      if (text === 'SETTINGS' && settingsAt < 0) settingsAt = token.start;
      const clauseAt = settingsAt >= 0 ? settingsAt : token.start;
      if (before === 'FORMAT' && token.kind === 'word') {
        const format = sql.slice(token.start, token.end);
        const place = settingsAt >= 0 ? settingsAt : previous!.start;
        const rowsAt = afterNewline(sql, token.end);
        return finish({ rowsFollow: true, rowsAt, clauseAt: place, format, end: previous!.start });
      }
      if (text === 'VALUES') {
        return finish({ rowsFollow: true, rowsAt: token.end, clauseAt, format: 'Values', end: token.start });
      }
    }
  }
  const format = trailingFormat(sql, seen);
  if (format === undefined) return finish({});
  const name = sql.slice(format.name.start, format.name.end);
  return finish({ clauseAt: format.at.start, format: name });
}

/** `FORMAT x` as the last clause, with nothing but SETTINGS after it. */
function trailingFormat(sql: string, seen: readonly Token[]): { at: Token; name: Token } | undefined {
  for (let i = seen.length - 2; i >= 1; i--) {
    const at = seen[i]!;
    const name = seen[i + 1]!;
    if (at.depth > 0 || at.kind !== 'word' || sql.slice(at.start, at.end).toUpperCase() !== 'FORMAT')
      continue;
    if (name.kind !== 'word' && name.kind !== 'quoted') continue;
    const next = seen[i + 2];
    if (next === undefined || sql.slice(next.start, next.end).toUpperCase() === 'SETTINGS')
      return { at, name };
  }
  return undefined;
}

/** Rows begin after blanks and at most one line end: what follows may be binary. */
function afterNewline(sql: string, from: number): number {
  let at = from;
  while (at < sql.length && (sql[at] === ' ' || sql[at] === '\t' || sql[at] === '\r')) at++;
  return sql[at] === '\n' ? at + 1 : at;
}

const QUOTES: Record<string, Token['kind']> = { "'": 'text', '"': 'quoted', '`': 'quoted' };

function* tokens(sql: string): Generator<Token> {
  let at = 0;
  let depth = 0;
  while (at < sql.length) {
    const char = sql[at]!;
    if (/\s/.test(char)) {
      at++;
      continue;
    }
    const comment = commentEnd(sql, at);
    if (comment > at) {
      at = comment;
      continue;
    }
    const start = at;
    const quote = QUOTES[char];
    if (quote !== undefined) {
      at = quoteEnd(sql, at);
      yield { kind: quote, start, end: at, depth };
      continue;
    }
    const heredoc = char === '$' ? /^\$\w*\$/.exec(sql.slice(at, at + 64))?.[0] : undefined;
    if (heredoc !== undefined) {
      const close = sql.indexOf(heredoc, at + heredoc.length);
      at = close < 0 ? sql.length : close + heredoc.length;
      yield { kind: 'text', start, end: at, depth };
      continue;
    }
    if (/[A-Za-z_]/.test(char)) {
      while (at < sql.length && /[\w$]/.test(sql[at]!)) at++;
      yield { kind: 'word', start, end: at, depth };
      continue;
    }
    if (/[0-9]/.test(char)) {
      while (at < sql.length && /[\w.]/.test(sql[at]!)) at++;
      yield { kind: 'number', start, end: at, depth };
      continue;
    }
    at++;
    if (char === '(' || char === '[' || char === '{') {
      yield { kind: 'sign', start, end: at, depth };
      depth++;
    } else {
      if (char === ')' || char === ']' || char === '}') depth = Math.max(0, depth - 1);
      yield { kind: 'sign', start, end: at, depth };
    }
  }
}

function commentEnd(sql: string, at: number): number {
  const two = sql.slice(at, at + 2);
  if (two === '/*') {
    // ClickHouse nests these.
    let open = 1;
    let place = at + 2;
    while (place < sql.length && open > 0) {
      const next = sql.slice(place, place + 2);
      if (next === '/*') open++;
      else if (next === '*/') open--;
      place += next === '/*' || next === '*/' ? 2 : 1;
    }
    return place;
  }
  if (two === '--' || two === '# ' || two === '#!') {
    const line = sql.indexOf('\n', at);
    return line < 0 ? sql.length : line + 1;
  }
  return at;
}

/** The end of a string or quoted name: a backslash escapes, and a doubled quote stands for itself. */
function quoteEnd(sql: string, at: number): number {
  const quote = sql[at]!;
  let place = at + 1;
  while (place < sql.length) {
    if (sql[place] === '\\') place += 2;
    else if (sql[place] === quote) {
      if (sql[place + 1] !== quote) return place + 1;
      place += 2;
    } else place++;
  }
  return sql.length;
}
