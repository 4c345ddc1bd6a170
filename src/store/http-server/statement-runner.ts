import { ClickHouseException, CODE } from '../engine/clickhouse-exception.js';
import type { EngineConnection, EngineResult } from '../engine/engine-connection.js';
import { intoFile } from '../engine/into-file.js';
import type { StatementText } from '../engine/sql-text.js';
import { quoteText } from '../sql-quote.js';
import type { Answer, FileAnswer, Written } from './answer.js';
import type { Encoding, HttpQuery } from './http-query.js';
import { ResultGrowth } from './result-growth.js';
import type { Spool, SpoolFile } from './spool.js';

/** The rows of an INSERT, in a file, compressed as they came. */
export interface Rows {
  readonly file: SpoolFile;
  readonly encoding: Encoding;
}

/**
 * Runs an INSERT whose rows came beside it. Nothing is stored unless all of the body arrived. Small rows go through a file
 * too: the engine takes rows within a statement only up to the first blank line, and binary rows hold one sooner or later.
 */
export async function insertRows(
  connection: EngineConnection,
  sql: string,
  statement: StatementText,
  rows: Rows,
): Promise<EngineResult & Written> {
  const source = ` FROM INFILE ${quoteText(rows.file.path)} COMPRESSION '${rows.encoding}' `;
  const place = statement.clauseAt;
  const head = sql.slice(0, place) + source + sql.slice(place, statement.end);
  const result = await connection.run(`${head} FORMAT ${statement.format}`);
  return { ...result, rowsWritten: result.rowsRead, bytesWritten: result.bytesRead };
}

/** The statement as judges read it: without the rows that follow it. */
export function judgedText(sql: string, statement: StatementText): string {
  return statement.rowsFollow ? `${sql.slice(0, statement.end)} FORMAT ${statement.format} ` : sql;
}

/** Refuses what a statement over HTTP can't be, for every user. */
export async function checkStatement(
  connection: EngineConnection,
  judged: string,
  statement: StatementText,
  query: HttpQuery,
): Promise<'read' | 'other'> {
  if (statement.end === 0) {
    throw new ClickHouseException(CODE.syntaxError, 'SYNTAX_ERROR', 'Syntax error: the query is empty.');
  }
  const found = await connection.classify(judged);
  if (found.count > 1 || statement.several) throw severalStatements();
  const readonly = /^[12]$/.test(query.settings.get('readonly') ?? '');
  if (found.kind !== 'read' && (readonly || !query.mayWrite)) {
    throw new ClickHouseException(
      CODE.readonly,
      'READONLY',
      readonly
        ? 'Cannot execute query in readonly mode.'
        : 'Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. You should use method POST for modifying queries.',
    );
  }
  if (statement.touchesFiles) {
    throw new ClickHouseException(
      CODE.notImplemented,
      'NOT_IMPLEMENTED',
      'INTO OUTFILE and FROM INFILE name files of the client and are not allowed over HTTP. Results come back as the body of the answer; rows go in as the body of the request.',
    );
  }
  if (statement.usesInput) {
    throw new ClickHouseException(
      CODE.notImplemented,
      'NOT_IMPLEMENTED',
      'INSERT ... SELECT ... FROM input() is not supported. Insert the rows into a temporary table in a session, then INSERT ... SELECT from it.',
    );
  }
  if (statement.rowsFollow && /^orc$/i.test(statement.format ?? '')) {
    throw new ClickHouseException(
      CODE.notImplemented,
      'NOT_IMPLEMENTED',
      "Rows in ORC are not taken: a damaged file brings down the engine's reader, and the store with it. Send Parquet or Arrow.",
    );
  }
  return found.kind === 'read' ? 'read' : 'other';
}

function severalStatements(): ClickHouseException {
  return new ClickHouseException(
    CODE.syntaxError,
    'SYNTAX_ERROR',
    'Syntax error (Multi-statements are not allowed): send one statement a request.',
  );
}

/** Runs a statement that only reads; its result goes through a file to the caller. */
export async function answerRead(
  connection: EngineConnection,
  sql: string,
  query: HttpQuery,
  answer: Answer,
  parts: {
    spool: Spool;
    maxResultBytes: number;
    stop(): void;
    onDone(): Promise<void>;
    progress: FileAnswer['progress'];
    checkWritten(): Promise<void>;
  },
): Promise<void> {
  const file = parts.spool.file();
  const growth = new ResultGrowth(file, { spool: parts.spool, maxBytes: parts.maxResultBytes }, parts.stop);
  const text = intoFile(sql, file.path, query.defaultFormat, query.responseEncoding, 'new');
  // Done only when all is given back: the caller's next request may follow on the last byte of this answer.
  const running = (async () => {
    try {
      const result = await connection.run(text);
      await parts.checkWritten();
      const fault = growth.fault();
      if (fault !== undefined) throw fault;
      return result;
    } catch (thrown) {
      // Why the query was stopped, rather than that it was.
      throw growth.fault() ?? thrown;
    } finally {
      growth.end();
      await parts.onDone();
    }
  })();
  try {
    await answer.file(file.path, running, {
      encoding: query.responseEncoding,
      blocks: query.responseBlocks,
      progress: parts.progress,
      waitForEnd: query.waitForEnd,
    });
  } finally {
    // The file goes only when nobody writes to it any more.
    await running.catch(() => {});
    file.remove();
  }
}

/** A KILL QUERY names the caller's query ids; the engine knows those as the mark that each query carries. */
export function withOwnQueryIds(sql: string, statement: StatementText): string {
  if (statement.firstWord !== 'KILL') return sql;
  let text = sql;
  for (const { start, end } of [...statement.queryIds].reverse()) {
    const name = "if(Settings['log_comment'] = '', query_id, Settings['log_comment'])";
    text = text.slice(0, start) + name + text.slice(end);
  }
  return text;
}
