import type { IncomingMessage, ServerResponse } from 'node:http';
import { LIMITS } from '../../core/limits.js';
import type { Admission } from './admission.js';
import type { Answer } from './answer.js';
import type { EngineConnection } from './engine.js';
import { ClickHouseException, CODE } from './exception.js';
import type { HttpQuery } from './http-query.js';
import { type Incoming, readIncoming } from './incoming.js';
import type { ReaderGuard } from './reader-guard.js';
import { SessionState } from './session-state.js';
import type { Sessions } from './sessions.js';
import { applyContext, lockForReader, quoteText } from './settings.js';
import type { Spool } from './spool.js';
import { answerRead, checkStatement, insertRows, withOwnQueryIds } from './statement-runner.js';
import type { User } from './users.js';

export interface QueryServiceParts {
  readonly open: () => EngineConnection;
  readonly spool: Spool;
  readonly admission: Admission;
  readonly sessions: Sessions;
  readonly guard: ReaderGuard;
  readonly maxBodyBytes: number;
  readonly maxResultBytes: number;
  readonly readerSeconds: number;
}

/** What ends a statement early. */
interface Ends {
  /** Stops the statement, whatever it is. */
  readonly stop: AbortController;
  /** The caller went away: nobody waits for what is read any more, but what was to be written is still wanted. */
  readonly caller: AbortSignal;
}

/** Takes a request from its body to its answer: read, admit, prepare a connection, check, run, let go. */
export class QueryService {
  readonly #parts: QueryServiceParts;
  /** By query id: stops what runs under it. */
  readonly #running = new Map<string, AbortController>();
  readonly #served = new Set<Promise<void>>();

  constructor(parts: QueryServiceParts) {
    this.#parts = parts;
  }

  async serve(
    request: IncomingMessage,
    response: ServerResponse,
    query: HttpQuery,
    user: Pick<User, 'name' | 'kind'>,
    answer: Answer,
  ): Promise<void> {
    if (this.#running.has(query.queryId)) {
      throw new ClickHouseException(
        CODE.queryIdTaken,
        'QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING',
        `Query with id = ${query.queryId} is already running.`,
      );
    }
    const stop = new AbortController();
    const caller = new AbortController();
    const gone = () => {
      if (!response.writableFinished) caller.abort();
    };
    response.once('close', gone);
    this.#running.set(query.queryId, stop);
    const serving = this.#serve(request, query, user, answer, { stop, caller: caller.signal });
    this.#served.add(serving.catch(() => {}).finally(() => this.#served.delete(serving)));
    try {
      await serving;
    } finally {
      this.#running.delete(query.queryId);
      response.off('close', gone);
    }
  }

  cancelAll(): void {
    for (const stop of this.#running.values()) stop.abort();
  }

  /** Waits for what runs. */
  async close(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled([...this.#served]);
    await this.#parts.sessions.close();
  }

  async #serve(
    request: IncomingMessage,
    query: HttpQuery,
    user: Pick<User, 'name' | 'kind'>,
    answer: Answer,
    ends: Ends,
  ): Promise<void> {
    const { admission, sessions, open } = this.#parts;
    // The body is read before a place is taken, so that a slow sender holds nothing.
    const maxBodyBytes = user.kind === 'reader' ? LIMITS.httpQueryBytesMost : this.#parts.maxBodyBytes;
    const incoming = await readIncoming(request, query, {
      ...this.#parts,
      maxBodyBytes,
      caller: ends.caller,
    });
    try {
      const leave = await admission.enter(ends.caller);
      try {
        // A reader can't leave anything in a session, so a name is accepted and nothing is kept.
        if (query.session === undefined || user.kind === 'reader') {
          const connection = open();
          try {
            await this.#run(connection, incoming, query, user, answer, ends);
          } finally {
            await connection.close();
          }
          return;
        }
        const session = sessions.take(user.name, query.session);
        try {
          const before = await SessionState.remember(session.connection, query);
          try {
            await this.#run(session.connection, incoming, query, user, answer, ends);
          } finally {
            await before.restore();
          }
        } finally {
          await session.release(query.closeSession);
        }
      } finally {
        leave();
      }
    } finally {
      incoming.discard();
    }
  }

  async #run(
    connection: EngineConnection,
    incoming: Incoming,
    query: HttpQuery,
    user: Pick<User, 'name' | 'kind'>,
    answer: Answer,
    { stop, caller }: Ends,
  ): Promise<void> {
    const { sql, statement } = incoming;
    const { guard, spool, maxResultBytes, readerSeconds } = this.#parts;
    const stopped = this.#killOnStop(query.queryId, stop.signal);
    try {
      await applyContext(connection, { ...query, user: user.kind, readerSeconds });
      if (user.kind === 'reader') {
        await guard.check(connection, sql, query.database ?? 'default');
        await lockForReader(connection);
      }
      const kind = await checkStatement(connection, sql, statement, query);
      const format = statement.rowsFollow ? undefined : (statement.format ?? query.defaultFormat);
      answer.describe(query.queryId, format, query.settings.get('session_timezone'));
      if (incoming.rows !== undefined) {
        answer.small(await insertRows(connection, sql, statement, incoming.rows));
      } else if (kind === 'read') {
        if (caller.aborted) stop.abort();
        caller.addEventListener('abort', () => stop.abort(), { once: true });
        await answerRead(connection, sql, query, answer, { spool, maxResultBytes, stop: () => stop.abort() });
      } else {
        answer.small(await connection.run(withOwnQueryIds(sql, statement), query.defaultFormat));
      }
    } finally {
      stopped();
    }
  }

  /** Kills the query in the engine, again and again until it is over: one that has only just begun is not found at once. */
  #killOnStop(queryId: string, signal: AbortSignal): () => void {
    let timer: NodeJS.Timeout | undefined;
    let over = false;
    const kill = async (): Promise<void> => {
      const connection = this.#parts.open();
      try {
        await connection.run(`KILL QUERY WHERE Settings['log_comment'] = ${quoteText(queryId)} ASYNC`);
      } catch {
        // Nothing to kill is no error; the next turn tries again.
      } finally {
        await connection.close();
      }
      if (!over) timer = setTimeout(() => void kill(), LIMITS.httpKillAgainMs);
    };
    const onStop = () => void kill();
    if (signal.aborted) onStop();
    else signal.addEventListener('abort', onStop, { once: true });
    return () => {
      over = true;
      signal.removeEventListener('abort', onStop);
      clearTimeout(timer);
    };
  }
}
