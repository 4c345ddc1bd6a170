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
  const word = (token: Token | undefined): string =>
    token?.kind === 'word' ? sql.slice(token.start, token.end).toUpperCase() : '';
  let first: Token | undefined;
  let previous: Token | undefined;
  let select = false;
  let inserts = false;
  let previousText = '';
  let settingsAt: number | undefined;
  let ended = false;
  let several = false;
  let touchesFiles = false;
  let usesInput = false;
  const queryIds: { start: number; end: number }[] = [];
  /** `FORMAT x` that may turn out to be the last clause: nothing but SETTINGS may follow it. */
  let format: { at: number; name: string; settled: boolean } | undefined;
  const finish = (found: Partial<StatementText>): StatementText => ({
    firstWord: word(first),
    rowsFollow: false,
    rowsAt: sql.length,
    clauseAt: format?.at ?? previous?.end ?? 0,
    format: format?.name,
    end: previous?.end ?? 0,
    usesInput,
    touchesFiles,
    several,
    queryIds,
    ...found,
  });

  for (const token of tokens(sql)) {
    const isSemicolon = token.kind === 'sign' && sql[token.start] === ';';
    if (isSemicolon && token.depth === 0) ended = true;
    if (ended) {
      if (!isSemicolon) several = true;
      continue;
    }
    const text = word(token);
    const before = previousText;
    previousText = text;
    const beforeAt = previous;
    if (first === undefined) {
      first = token;
      inserts = text === 'INSERT';
    }
    previous = token;
    const rowsMayFollow = inserts && !select;
    if (text === 'QUERY_ID') queryIds.push({ start: token.start, end: token.end });
    if (text === 'OUTFILE' && before === 'INTO' && !rowsMayFollow) touchesFiles = true;
    if (text === 'INFILE' && before === 'FROM' && rowsMayFollow) touchesFiles = true;
    if (inserts && select && before === 'INPUT' && sql[token.start] === '(') usesInput = true;
    if (token.depth > 0) continue;
    if (text === 'SELECT' || text === 'WITH' || text === 'WATCH') select = true;
    if (rowsMayFollow) {
      if (text === 'SETTINGS') settingsAt ??= token.start;
      if (text === 'VALUES' && !/^(INTO|TABLE|FORMAT)$/.test(before)) {
        const clauseAt = settingsAt ?? token.start;
        return finish({ rowsFollow: true, rowsAt: token.end, clauseAt, format: 'Values', end: token.start });
      }
    }
    if (format !== undefined && !format.settled) {
      if (text === 'SETTINGS') format.settled = true;
      else format = undefined;
    }
    if (before === 'FORMAT' && beforeAt !== first && (token.kind === 'word' || token.kind === 'quoted')) {
      const at = beforeAt!.start;
      const name = sql.slice(token.start, token.end).replace(/^["`]|["`]$/g, '');
      if (rowsMayFollow) {
        const rowsAt = afterNewline(sql, token.end);
        return finish({ rowsFollow: true, rowsAt, clauseAt: settingsAt ?? at, format: name, end: at });
      }
      format = { at, name, settled: false };
    }
  }
  return finish({});
}

/** Rows begin after blanks and at most one line end: what follows may be binary. */
function afterNewline(sql: string, from: number): number {
  let at = from;
  while (at < sql.length && (sql[at] === ' ' || sql[at] === '\t' || sql[at] === '\r')) at++;
  return sql[at] === '\n' ? at + 1 : at;
}

const QUOTES: Record<string, Token['kind']> = { "'": 'text', '"': 'quoted', '`': 'quoted' };

/** What word processors make of quotes; the engine takes them too, without escapes. In UTF-8, and as its bytes read as latin1. */
const CURLY = [
  { open: '‘', close: '’', kind: 'text' },
  { open: '“', close: '”', kind: 'quoted' },
].flatMap(({ open, close, kind }) => {
  const latin1 = (text: string) => Buffer.from(text).toString('latin1');
  return [
    { open, close, kind: kind as Token['kind'] },
    { open: latin1(open), close: latin1(close), kind: kind as Token['kind'] },
  ];
});

const CURLY_STARTS: ReadonlySet<number> = new Set(CURLY.map(({ open }) => open.charCodeAt(0)));

export function* tokens(sql: string): Generator<Token> {
  let at = 0;
  let depth = 0;
  while (at < sql.length) {
    const code = sql.charCodeAt(at);
    if (isBlank(code)) {
      at++;
      continue;
    }
    const char = sql[at]!;
    if (char === '-' || char === '/' || char === '#') {
      const comment = commentEnd(sql, at);
      if (comment > at) {
        at = comment;
        continue;
      }
    }
    const start = at;
    const curly = CURLY_STARTS.has(code) ? CURLY.find(({ open }) => sql.startsWith(open, at)) : undefined;
    if (curly !== undefined) {
      const close = sql.indexOf(curly.close, at + curly.open.length);
      at = close < 0 ? sql.length : close + curly.close.length;
      yield { kind: curly.kind, start, end: at, depth };
      continue;
    }
    const quote = QUOTES[char];
    if (quote !== undefined) {
      at = quoteEnd(sql, at);
      yield { kind: quote, start, end: at, depth };
      continue;
    }
    const heredoc = char === '$' ? /^\$\w*\$/.exec(sql.slice(at, at + 64))?.[0] : undefined;
    // Without an end it is a name: the engine takes what follows for SQL, INTO OUTFILE too.
    const close = heredoc === undefined ? -1 : sql.indexOf(heredoc, at + heredoc.length);
    if (heredoc !== undefined && close >= 0) {
      at = close + heredoc.length;
      yield { kind: 'text', start, end: at, depth };
      continue;
    }
    if (isDigit(code)) {
      while (at < sql.length && (isWordPart(sql.charCodeAt(at)) || sql[at] === '.')) at++;
      yield { kind: 'number', start, end: at, depth };
      continue;
    }
    if (isWordPart(code)) {
      while (at < sql.length && (isWordPart(sql.charCodeAt(at)) || sql[at] === '$')) at++;
      yield { kind: 'word', start, end: at, depth };
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

// By codes, since a statement may have a mebibyte and is read on the event loop.
function isBlank(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13) || (code > 127 && /\s/.test(String.fromCharCode(code)));
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** A letter, a digit or an underscore. */
function isWordPart(code: number): boolean {
  return isDigit(code) || (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95;
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
  if (two === '--' || two === '//' || two === '# ' || two === '#!') {
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
