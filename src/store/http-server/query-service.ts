import type { IncomingMessage, ServerResponse } from 'node:http';
import { LIMITS } from '../../core/limits.js';
import type { Admission } from '../engine/admission.js';
import { ClickHouseException, CODE } from '../engine/clickhouse-exception.js';
import type { EngineConnection } from '../engine/engine-connection.js';
import { killOnAbort } from '../engine/kill-query.js';
import { readStatement } from '../engine/sql-text.js';
import type { WriteFailures } from '../engine/write-failures.js';
import { quoteText } from '../sql-quote.js';
import type { Answer, Progress, ServerIdentity } from './answer.js';
import { createExternalTables } from './external-tables.js';
import type { HttpQuery } from './http-query.js';
import { readIncoming } from './incoming.js';
import { isNativeHello, nativeHello } from './native-hello.js';
import { killAnswer, ownKill } from './own-kill.js';
import { SessionState } from './session-state.js';
import type { Sessions } from './sessions.js';
import type { QueryLimits, SettingGuard } from './setting-guard.js';
import { applyContext } from './settings.js';
import type { Spool } from './spool.js';
import type { StatementGuard } from './statement-guard.js';
import { answerRead, checkStatement, insertRows, judgedText, withOwnQueryIds } from './statement-runner.js';
import type { Caller } from './users.js';

export interface QueryServiceParts {
  readonly open: () => EngineConnection;
  readonly identity: ServerIdentity;
  readonly spool: Spool;
  readonly admission: Admission;
  /** All but full users pass through here first: however long their queries run, a place is left for what Perennial itself asks. */
  readonly readerAdmission: Admission;
  readonly sessions: Sessions;
  readonly guard: StatementGuard;
  readonly settingGuard: SettingGuard;
  readonly writeFailures: WriteFailures;
  readonly maxBodyBytes: number;
  readonly maxResultBytes: number;
  readonly limits: QueryLimits;
}

/** A connection to run one statement on, and a place to run it in. */
interface Lease {
  readonly connection: EngineConnection;
  /** Gives both back: as soon as the engine is done, so that a slow caller holds neither. Again is harmless. */
  letGo(): Promise<void>;
}

/** Takes a request from its body to its answer: read, admit, prepare a connection, check, run, let go. */
export class QueryService {
  readonly #parts: QueryServiceParts;
  /** By query id: stops what runs under it, and whose it is. */
  readonly #running = new Map<string, { readonly stop: AbortController; readonly user: string }>();
  readonly #served = new Set<Promise<void>>();

  constructor(parts: QueryServiceParts) {
    this.#parts = parts;
  }

  /** Rejects with what goes wrong before the answer has begun. `onStatement` is called when all of the request has come. */
  async serve(
    request: IncomingMessage,
    response: ServerResponse,
    query: HttpQuery,
    user: Caller,
    answer: Answer,
    onStatement: (sql: string) => void,
  ): Promise<void> {
    // Nobody waits for what is read any more when the caller goes away; what was to be written is still wanted.
    const caller = new AbortController();
    const gone = () => {
      if (!response.writableFinished) caller.abort();
    };
    response.once('close', gone);
    const serving = this.#serve(request, query, user, answer, caller.signal, onStatement);
    const settled = serving.catch(() => {});
    this.#served.add(settled);
    try {
      await serving;
    } finally {
      this.#served.delete(settled);
      response.off('close', gone);
    }
  }

  /** Longest body of a caller. */
  maxBodyBytes(user: Caller): number {
    return user.kind === 'reader' ? LIMITS.httpReaderBodyBytes : this.#parts.maxBodyBytes;
  }

  /** Stops all that runs. */
  cancelAll(): void {
    for (const { stop } of this.#running.values()) stop.abort();
  }

  /** Waits for all that is being served, then closes the sessions. */
  async close(): Promise<void> {
    while (this.#served.size > 0) await Promise.all(this.#served);
    await this.#parts.sessions.close();
  }

  async #serve(
    request: IncomingMessage,
    query: HttpQuery,
    user: Caller,
    answer: Answer,
    caller: AbortSignal,
    onStatement: (sql: string) => void,
  ): Promise<void> {
    const { identity, guard, settingGuard, spool, maxResultBytes, limits, writeFailures } = this.#parts;
    // The body is read before a place is taken, so that a slow sender holds nothing.
    const maxBodyBytes = this.maxBodyBytes(user);
    const incoming = await readIncoming(request, query, { ...this.#parts, maxBodyBytes, caller });
    const { rows } = incoming;
    onStatement(incoming.sql);
    const { sql, statement } = this.#afterKill(incoming, user);
    const stop = new AbortController();
    let lease: Lease | undefined;
    try {
      if (isNativeHello(sql, query.defaultFormat, query.protocolVersion)) {
        answer.describe(query.queryId, 'Native', undefined);
        answer.bytes(nativeHello(identity, query.protocolVersion), query.responseBlocks);
        return;
      }
      lease = await this.#lease(query, user, caller, stop);
      const { connection, letGo } = lease;
      await applyContext(connection, { ...query, user: user.kind, limits }, settingGuard);
      await createExternalTables(connection, query.tables);
      const judged = judgedText(sql, statement);
      const asked = {
        sql: judged,
        database: query.database ?? 'default',
        user,
        settings: new Set(query.settings.keys()),
      };
      const checked = await guard.check(connection, asked);
      if (checked.readonly > 0) await connection.run(`SET readonly = ${checked.readonly}`);
      const kind = await checkStatement(connection, judged, statement, query);
      const format = statement.rowsFollow ? undefined : (statement.format ?? query.defaultFormat);
      answer.describe(query.queryId, format, query.settings.get('session_timezone'));
      if (kind === 'read') {
        const onGone = () => stop.abort();
        if (caller.aborted) onGone();
        caller.addEventListener('abort', onGone, { once: true });
        const text = checked.readonly > 0 ? checked.sql : sql;
        await answerRead(connection, text, query, answer, {
          spool,
          maxResultBytes,
          stop: onGone,
          onDone: letGo,
          progress: () => this.#progress(query.queryId),
          checkWritten: () => writeFailures.check('The result, in the spool of the data directory,'),
        });
        return;
      }
      const result =
        rows === undefined
          ? await connection.run(withOwnQueryIds(sql, statement), query.defaultFormat)
          : await insertRows(connection, sql, statement, rows);
      if (/^\s*BACKUP\b/i.test(judged)) await writeFailures.check('The backup');
      await letGo();
      answer.small(result);
    } finally {
      await lease?.letGo();
      incoming.discard();
    }
  }

  /**
   * Stops what a KILL QUERY names, at once, whatever waits for a place: the caller's own, or for a full user anybody's. What then
   * runs is a question that answers as a KILL would.
   */
  #afterKill(incoming: Pick<Awaited<ReturnType<typeof readIncoming>>, 'sql' | 'statement'>, user: Caller) {
    const kill = ownKill(incoming.sql);
    const running = kill === undefined ? undefined : this.#running.get(kill.queryId);
    const may = running !== undefined && (user.kind === 'full' || running.user === user.name);
    if (kill === undefined || (user.kind === 'full' && !may)) return incoming;
    if (may) running.stop.abort();
    const sql = killAnswer(kill, may ? running.user : undefined);
    return { sql, statement: readStatement(sql) };
  }

  /** Undefined when the query is over or has not yet begun. */
  async #progress(queryId: string): Promise<Progress | undefined> {
    const connection = this.#parts.open();
    try {
      const [row] = await connection.rows<Record<keyof Progress, number>>(
        `SELECT toFloat64(read_rows) AS rowsRead, toFloat64(read_bytes) AS bytesRead, toFloat64(total_rows_approx) AS rowsToRead
         FROM system.processes WHERE Settings['log_comment'] = ${quoteText(queryId)} LIMIT 1`,
      );
      return row;
    } finally {
      await connection.close();
    }
  }

  async #lease(query: HttpQuery, user: Caller, caller: AbortSignal, stop: AbortController): Promise<Lease> {
    const { admission, readerAdmission, open, sessions } = this.#parts;
    const { queryId, session } = query;
    const undo: (() => unknown)[] = [];
    let gone: Promise<void> | undefined;
    const letGo = async () => {
      gone ??= (async () => {
        for (const step of undo.reverse()) await step();
      })();
      await gone;
    };
    if (this.#running.has(queryId)) {
      throw new ClickHouseException(
        CODE.queryIdTaken,
        'QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING',
        `Query with id = ${queryId} is already running.`,
      );
    }
    this.#running.set(queryId, { stop, user: user.name });
    undo.push(() => this.#running.delete(queryId));
    // A query that waits for a place is killed without waiting for it.
    const waiting = AbortSignal.any([caller, stop.signal]);
    try {
      if (user.kind !== 'full') undo.push(await readerAdmission.enter(waiting));
      undo.push(await admission.enter(waiting));
      undo.push(killOnAbort(open, queryId, stop.signal));
      // Others can't leave anything in a session, so its name is accepted and nothing is kept.
      if (session === undefined || user.kind !== 'full') {
        const connection = open();
        undo.push(() => connection.close());
        return { connection, letGo };
      }
      const taken = sessions.take(user.name, session);
      let spoilt = false;
      undo.push(() => taken.release(query.closeSession || spoilt));
      const before = await SessionState.remember(taken.connection, query);
      undo.push(async () => {
        // A session that can't be set back ends, rather than surprise its next request.
        spoilt = !(await before.restore());
      });
      return { connection: taken.connection, letGo };
    } catch (thrown) {
      await letGo();
      throw thrown;
    }
  }
}
