import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer, Server as HttpsServer } from 'node:https';
import { type AddressInfo, isIP } from 'node:net';
import { resolve } from 'node:path';
import { type Clock, steadyClock } from '../../core/clock.js';
import { PerennialError } from '../../core/errors.js';
import { LIMITS } from '../../core/limits.js';
import { memoryLimit } from '../../core/memory.js';
import { type Logger, silentLogger } from '../../telemetry/log.js';
import { Admission, defaultPlaces } from '../engine/admission.js';
import { ClickHouseException } from '../engine/clickhouse-exception.js';
import { EngineConnection } from '../engine/engine-connection.js';
import { leaveStdin } from '../engine/leave-stdin.js';
import { WriteFailures } from '../engine/write-failures.js';
import { Answer, type ServerIdentity } from './answer.js';
import { limitConnections } from './connection-limit.js';
import { createDoorMetrics, type DoorMetrics } from './door-metrics.js';
import { refuseOwnTables, refuseStrangers, refuseUnprotected } from './exposure.js';
import { readHttpQuery } from './http-query.js';
import { isMultipart, readMultipartForm } from './multipart-form.js';
import { answerPlainPath, readUrl } from './plain-paths.js';
import { QueryService } from './query-service.js';
import { RequestBody } from './request-body.js';
import { RequestLog, type Served } from './request-log.js';
import { Sessions } from './sessions.js';
import { SettingGuard } from './setting-guard.js';
import { Spool } from './spool.js';
import { StatementGuard } from './statement-guard.js';
import { type User, Users } from './users.js';

export interface ClickHouseServerOptions {
  /** Data directory of the embedded engine; may be open in this process already. */
  readonly path: string;
  /** @default '127.0.0.1' */
  readonly host?: string;
  /** 0 picks a free one. @default 0 */
  readonly port?: number;
  /** Who may ask. Without users everyone who reaches the port may do everything. */
  readonly users?: readonly User[];
  /** Without users: whether statements may reach files and programs of this machine. @default false */
  readonly files?: boolean;
  /** PEM texts. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Serve a public address without TLS or without users. @default false */
  readonly insecure?: boolean;
  /** Statements at once. @default one less than the threads of Node's pool (UV_THREADPOOL_SIZE, 4) */
  readonly concurrency?: number;
  /** Requests that may wait for a place. @default 100 */
  readonly maxWaiting?: number;
  /** Longest body of a request, as sent. @default 4 GiB */
  readonly maxBodyBytes?: number;
  /** Longest result, as sent. @default 4 GiB */
  readonly maxResultBytes?: number;
  /** Of the disk, what large results have to leave free. @default LIMITS.httpSpoolFreePercent */
  readonly spoolFreePercent?: number;
  /** Longest time of a reader's query, in seconds. @default 300 */
  readonly readerSeconds?: number;
  /** Most memory of a reader's query, in bytes. @default a quarter of what the container or machine has */
  readonly readerMemoryBytes?: number;
  /** Open sessions. @default 100 */
  readonly maxSessions?: number;
  /** Open connections. @default LIMITS.httpConnections */
  readonly maxConnections?: number;
  /** How long headers may take, and how long a caller may send or take nothing. @default LIMITS.httpHeadersMs, httpSilentMs */
  readonly headersMs?: number;
  readonly silentMs?: number;
  /** @default none */
  readonly log?: Logger;
  /** Whether each statement is logged, with its user. @default false */
  readonly logStatements?: boolean;
  /** For how long something lasts. @default the steady one */
  readonly clock?: Clock;
}

export interface ClickHouseServer {
  /** Such as http://127.0.0.1:8123 */
  readonly url: string;
  readonly port: number;
  /**
   * Takes other users from the next request on. Throws `invalid_argument`, and keeps those before, when there are none of them or a
   * writer's database holds Perennial's tables.
   */
  replaceUsers(users: readonly User[]): Promise<void>;
  /** Takes another certificate and key, as PEM texts, for connections from now on. Throws when they don't belong together. */
  replaceTls(tls: { readonly cert: string; readonly key: string }): void;
  /** Takes no more requests, lets those that run end, and lets go of the engine. `withinMs` cuts off what lasts longer. */
  close(withinMs?: number): Promise<void>;
}

/**
 * Serves the embedded engine over ClickHouse's HTTP interface (docs/clickhouse-http.md). Throws `failed_precondition` when
 * another process holds the directory, `invalid_argument` for a public address without protection, `unavailable` when the
 * port is taken.
 */
export async function startClickHouseServer(options: ClickHouseServerOptions): Promise<ClickHouseServer> {
  leaveStdin();
  const host = options.host ?? '127.0.0.1';
  const clock = options.clock ?? steadyClock;
  const users = new Users(options.users, clock, options.files);
  refuseUnprotected(host, options, users);
  const path = resolve(options.path);
  // Held as long as the server lives: the engine stops with its last connection.
  const anchor = new EngineConnection(path);
  let service: QueryService;
  let identity: ServerIdentity;
  let spool: Spool;
  let metrics: DoorMetrics;
  let openConnections = () => 0;
  try {
    const [row] = await anchor.rows<ServerIdentity>(
      'SELECT displayName() AS displayName, timezone() AS timezone, version() AS version',
    );
    identity = row!;
    spool = new Spool(path, options.spoolFreePercent);
    const places = options.concurrency ?? defaultPlaces();
    const maxWaiting = options.maxWaiting ?? 100;
    const admission = new Admission(places, maxWaiting);
    const readerAdmission = new Admission(Math.max(1, places - 1), maxWaiting);
    const open = () => new EngineConnection(path);
    const limits = {
      seconds: options.readerSeconds ?? 300,
      memoryBytes: options.readerMemoryBytes ?? Math.floor(memoryLimit() / 4),
      threads: 64,
    };
    const settingGuard = await SettingGuard.load(anchor, limits);
    await refuseOwnTables(anchor, options.users ?? []);
    service = new QueryService({
      open,
      identity,
      spool,
      admission,
      readerAdmission,
      sessions: new Sessions(open, options.maxSessions ?? 100),
      guard: await StatementGuard.load(anchor, settingGuard),
      settingGuard,
      writeFailures: new WriteFailures(open),
      maxBodyBytes: options.maxBodyBytes ?? 4 * 1_073_741_824,
      maxResultBytes: options.maxResultBytes ?? 4 * 1_073_741_824,
      limits,
    });
    metrics = createDoorMetrics({
      running: () => admission.running,
      waiting: () => admission.waiting + readerAdmission.waiting,
      connections: () => openConnections(),
    });
  } catch (thrown) {
    await anchor.close();
    throw thrown;
  }
  const requests = new RequestLog(
    options.log ?? silentLogger(),
    metrics,
    clock,
    options.logStatements === true,
  );

  const silentMs = options.silentMs ?? LIMITS.httpSilentMs;
  const headersMs = options.headersMs ?? LIMITS.httpHeadersMs;
  let draining = false;
  const notReady = async (): Promise<string | undefined> => {
    if (draining) return 'The server is stopping.';
    const asked = anchorAnswers(path);
    const silent = new Promise<string>((resolve) => {
      setTimeout(() => resolve('The engine has not answered for 5 s.'), 5_000).unref();
    });
    return await Promise.race([asked, silent]);
  };
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const answer = new Answer(response, identity, silentMs);
    const began = steadyClock();
    const served: Served = {};
    let failure: ClickHouseException | undefined;
    try {
      const url = readUrl(request.url ?? '/');
      const authenticate = () => {
        refuseStrangers(request, users, host);
        return users.authenticate(request, url.searchParams);
      };
      if (await answerPlainPath(url, request, response, { metrics, notReady, authenticate })) return;
      const user = await authenticate();
      served.user = user;
      // A caller that sends nothing for long, in the middle of a body, is cut off.
      request.socket.setTimeout(silentMs);
      const form = isMultipart(request)
        ? await readMultipartForm(request, spool, service.maxBodyBytes(user))
        : undefined;
      try {
        const query = readHttpQuery(request, url.searchParams, form);
        served.queryId = query.queryId;
        await service.serve(request, response, query, user, answer, (sql) => {
          served.sql = sql;
          request.socket.setTimeout(0);
        });
      } finally {
        form?.discard();
      }
    } catch (thrown) {
      failure = ClickHouseException.from(thrown);
      answer.fail(failure);
      // What is left of the body would otherwise have to be read before the next request of this connection.
      if (!request.complete && !request.readableDidRead)
        void new RequestBody(request).skip(LIMITS.httpSkippedBytes).then((all) => all || request.destroy());
    } finally {
      request.socket.setTimeout(0);
      if (served.user !== undefined || failure !== undefined)
        requests.done(request, served, (steadyClock() - began) / 1_000, failure);
    }
  };
  const onRequest = (request: IncomingMessage, response: ServerResponse) => void handle(request, response);
  const limits = {
    maxHeaderSize: LIMITS.httpHeaderBytes,
    headersTimeout: headersMs,
    connectionsCheckingInterval: headersMs / 4,
    keepAliveTimeout: 30_000,
    requestTimeout: 0,
  };
  const server =
    options.tls === undefined
      ? createHttpServer(limits, onRequest)
      : createHttpsServer({ ...limits, ...options.tls, handshakeTimeout: headersMs }, onRequest);
  openConnections = limitConnections(server, options.maxConnections ?? LIMITS.httpConnections);
  try {
    await new Promise<void>((listening, failed) => {
      server.once('error', failed);
      server.listen(options.port ?? 0, host, listening);
    });
  } catch (thrown) {
    spool.close();
    await anchor.close();
    throw new PerennialError('unavailable', `Can't listen on ${host}:${options.port ?? 0}.`, {
      hint: 'Another program may use that port. Choose another one, or 0 for any free one.',
      cause: thrown,
    });
  }
  const { port } = server.address() as AddressInfo;
  const name = isIP(host) === 6 ? `[${host}]` : host;
  return {
    url: `${options.tls === undefined ? 'http' : 'https'}://${name}:${port}`,
    port,
    replaceUsers: async (next) => {
      if (users.open || next.length === 0)
        throw new PerennialError(
          'invalid_argument',
          'A server with users can not become one without, nor the other way round.',
        );
      await refuseOwnTables(anchor, next);
      users.replace(next);
    },
    replaceTls: (tls) => {
      if (!(server instanceof HttpsServer))
        throw new PerennialError('invalid_argument', 'This server has no TLS.');
      server.setSecureContext(tls);
    },
    close: async (withinMs = 30_000) => {
      draining = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const cut = setTimeout(() => {
        service.cancelAll();
        server.closeAllConnections();
      }, withinMs);
      await service.close();
      server.closeIdleConnections();
      await closed;
      clearTimeout(cut);
      spool.close();
      await anchor.close();
    },
  };
}

/** Undefined when the engine answers. */
async function anchorAnswers(path: string): Promise<string | undefined> {
  try {
    const connection = new EngineConnection(path);
    try {
      await connection.run('SELECT 1');
      return undefined;
    } finally {
      await connection.close();
    }
  } catch (thrown) {
    return ClickHouseException.from(thrown).message;
  }
}
