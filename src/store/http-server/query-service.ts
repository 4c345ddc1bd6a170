import type { IncomingMessage, ServerResponse } from 'node:http';
import { LIMITS } from '../../core/limits.js';
import type { Admission } from '../engine/admission.js';
import { ClickHouseException, CODE } from '../engine/clickhouse-exception.js';
import type { EngineConnection } from '../engine/engine-connection.js';
import { killOnAbort } from '../engine/kill-query.js';
import type { Answer } from './answer.js';
import type { HttpQuery } from './http-query.js';
import { readIncoming } from './incoming.js';
import type { ReaderGuard } from './reader-guard.js';
import { SessionState } from './session-state.js';
import type { Sessions } from './sessions.js';
import { applyContext, lockForReader } from './settings.js';
import type { Spool } from './spool.js';
import { answerRead, checkStatement, insertRows, withOwnQueryIds } from './statement-runner.js';
import type { User } from './users.js';

export interface QueryServiceParts {
  readonly open: () => EngineConnection;
  readonly spool: Spool;
  readonly admission: Admission;
  /** Readers pass through here first: however long their queries run, a place is left for what Perennial itself asks. */
  readonly readerAdmission: Admission;
  readonly sessions: Sessions;
  readonly guard: ReaderGuard;
  readonly maxBodyBytes: number;
  readonly maxResultBytes: number;
  readonly readerSeconds: number;
  readonly readerMemoryBytes: number;
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
  /** By query id: stops what runs under it. */
  readonly #running = new Map<string, AbortController>();
  readonly #served = new Set<Promise<void>>();

  constructor(parts: QueryServiceParts) {
    this.#parts = parts;
  }

  /** Rejects with what goes wrong before the answer has begun. */
  async serve(
    request: IncomingMessage,
    response: ServerResponse,
    query: HttpQuery,
    user: Pick<User, 'name' | 'kind'>,
    answer: Answer,
  ): Promise<void> {
    // Nobody waits for what is read any more when the caller goes away; what was to be written is still wanted.
    const caller = new AbortController();
    const gone = () => {
      if (!response.writableFinished) caller.abort();
    };
    response.once('close', gone);
    const serving = this.#serve(request, query, user, answer, caller.signal);
    const settled = serving.catch(() => {});
    this.#served.add(settled);
    try {
      await serving;
    } finally {
      this.#served.delete(settled);
      response.off('close', gone);
    }
  }

  /** Stops all that runs. */
  cancelAll(): void {
    for (const stop of this.#running.values()) stop.abort();
  }

  /** Waits for all that is being served, then closes the sessions. */
  async close(): Promise<void> {
    while (this.#served.size > 0) await Promise.all(this.#served);
    await this.#parts.sessions.close();
  }

  async #serve(
    request: IncomingMessage,
    query: HttpQuery,
    user: Pick<User, 'name' | 'kind'>,
    answer: Answer,
    caller: AbortSignal,
  ): Promise<void> {
    const { guard, spool, maxResultBytes, readerSeconds, readerMemoryBytes } = this.#parts;
    const maxBodyBytes = user.kind === 'reader' ? LIMITS.httpQueryBytesMost : this.#parts.maxBodyBytes;
    // The body is read before a place is taken, so that a slow sender holds nothing.
    const incoming = await readIncoming(request, query, { ...this.#parts, maxBodyBytes, caller });
    const { sql, statement, rows } = incoming;
    const stop = new AbortController();
    let lease: Lease | undefined;
    try {
      lease = await this.#lease(query, user, caller, stop);
      const { connection, letGo } = lease;
      await applyContext(connection, { ...query, user: user.kind, readerSeconds, readerMemoryBytes });
      if (user.kind === 'reader') {
        await guard.check(connection, sql, query.database ?? 'default');
        await lockForReader(connection);
      }
      const kind = await checkStatement(connection, sql, statement, query);
      const format = statement.rowsFollow ? undefined : (statement.format ?? query.defaultFormat);
      answer.describe(query.queryId, format, query.settings.get('session_timezone'));
      if (kind === 'read') {
        const onGone = () => stop.abort();
        if (caller.aborted) onGone();
        caller.addEventListener('abort', onGone, { once: true });
        const onDone = letGo;
        await answerRead(connection, sql, query, answer, { spool, maxResultBytes, stop: onGone, onDone });
        return;
      }
      const result =
        rows === undefined
          ? await connection.run(withOwnQueryIds(sql, statement), query.defaultFormat)
          : await insertRows(connection, sql, statement, rows);
      await letGo();
      answer.small(result);
    } finally {
      await lease?.letGo();
      incoming.discard();
    }
  }

  async #lease(
    query: HttpQuery,
    user: Pick<User, 'name' | 'kind'>,
    caller: AbortSignal,
    stop: AbortController,
  ): Promise<Lease> {
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
    this.#running.set(queryId, stop);
    undo.push(() => this.#running.delete(queryId));
    try {
      if (user.kind === 'reader') undo.push(await readerAdmission.enter(caller));
      undo.push(await admission.enter(caller));
      undo.push(killOnAbort(open, queryId, stop.signal));
      // A reader can't leave anything in a session, so its name is accepted and nothing is kept.
      if (session === undefined || user.kind === 'reader') {
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
