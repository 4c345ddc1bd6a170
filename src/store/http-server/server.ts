import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, isIP } from 'node:net';
import { totalmem } from 'node:os';
import { resolve } from 'node:path';
import { PerennialError } from '../../core/errors.js';
import { LIMITS } from '../../core/limits.js';
import { Admission, defaultPlaces } from '../engine/admission.js';
import { ClickHouseException, CODE } from '../engine/clickhouse-exception.js';
import { EngineConnection } from '../engine/engine-connection.js';
import { WriteFailures } from '../engine/write-failures.js';
import { quoteText } from '../sql-quote.js';
import { Answer, type ServerIdentity } from './answer.js';
import { readHttpQuery } from './http-query.js';
import { isMultipart, readMultipartForm } from './multipart-form.js';
import { QueryService } from './query-service.js';
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
  /** Longest time of a reader's query, in seconds. @default 300 */
  readonly readerSeconds?: number;
  /** Most memory of a reader's query, in bytes. @default a quarter of the machine's */
  readonly readerMemoryBytes?: number;
  /** Open sessions. @default 100 */
  readonly maxSessions?: number;
  /** Told of every failure that is the server's own fault. */
  readonly onDefect?: (error: unknown) => void;
}

export interface ClickHouseServer {
  /** Such as http://127.0.0.1:8123 */
  readonly url: string;
  readonly port: number;
  /** Takes no more requests, lets those that run end, and lets go of the engine. `withinMs` cuts off what lasts longer. */
  close(withinMs?: number): Promise<void>;
}

/**
 * Serves the embedded engine over ClickHouse's HTTP interface (docs/clickhouse-http.md). Throws `failed_precondition` when
 * another process holds the directory, `invalid_argument` for a public address without protection, `unavailable` when the
 * port is taken.
 */
export async function startClickHouseServer(options: ClickHouseServerOptions): Promise<ClickHouseServer> {
  const host = options.host ?? '127.0.0.1';
  const users = new Users(options.users, options.files);
  refuseUnprotected(host, options, users);
  const path = resolve(options.path);
  // Held as long as the server lives: the engine stops with its last connection.
  const anchor = new EngineConnection(path);
  let service: QueryService;
  let identity: ServerIdentity;
  let spool: Spool;
  try {
    const [row] = await anchor.rows<ServerIdentity>(
      'SELECT displayName() AS displayName, timezone() AS timezone, version() AS version',
    );
    identity = row!;
    spool = new Spool(path);
    const places = options.concurrency ?? defaultPlaces();
    const maxWaiting = options.maxWaiting ?? 100;
    const open = () => new EngineConnection(path);
    const limits = {
      seconds: options.readerSeconds ?? 300,
      memoryBytes: options.readerMemoryBytes ?? Math.floor(totalmem() / 4),
      threads: 64,
    };
    const settingGuard = await SettingGuard.load(anchor, limits);
    await refuseOwnTables(anchor, options.users ?? []);
    service = new QueryService({
      open,
      identity,
      spool,
      admission: new Admission(places, maxWaiting),
      readerAdmission: new Admission(Math.max(1, places - 1), maxWaiting),
      sessions: new Sessions(open, options.maxSessions ?? 100),
      guard: await StatementGuard.load(anchor, settingGuard),
      settingGuard,
      writeFailures: new WriteFailures(open),
      maxBodyBytes: options.maxBodyBytes ?? 4 * 1_073_741_824,
      maxResultBytes: options.maxResultBytes ?? 4 * 1_073_741_824,
      limits,
    });
  } catch (thrown) {
    await anchor.close();
    throw thrown;
  }

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const answer = new Answer(response, identity);
    try {
      const url = readUrl(request.url ?? '/');
      if (answerPlainPath(url, request, response)) return;
      refuseStrangers(request, users, host);
      const user = await users.authenticate(request, url.searchParams);
      const form = isMultipart(request)
        ? await readMultipartForm(request, spool, service.maxBodyBytes(user))
        : undefined;
      try {
        const query = readHttpQuery(request, url.searchParams, form);
        await service.serve(request, response, query, user, answer);
      } finally {
        form?.discard();
      }
    } catch (thrown) {
      const exception = ClickHouseException.from(thrown);
      if (exception.code === CODE.internal) options.onDefect?.(thrown);
      answer.fail(exception);
      // What is left of the body would otherwise have to be read before the next request of this connection.
      if (!request.complete) request.resume();
    }
  };
  const onRequest = (request: IncomingMessage, response: ServerResponse) => void handle(request, response);
  const limits = { maxHeaderSize: LIMITS.httpHeaderBytes, keepAliveTimeout: 30_000, requestTimeout: 0 };
  const server =
    options.tls === undefined
      ? createHttpServer(limits, onRequest)
      : createHttpsServer({ ...limits, ...options.tls }, onRequest);
  server.maxConnections = LIMITS.httpConnections;
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
    close: async (withinMs = 30_000) => {
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

function readUrl(text: string): URL {
  if (text.startsWith('/') && URL.canParse(`http://localhost${text}`))
    return new URL(`http://localhost${text}`);
  throw new ClickHouseException(CODE.badArguments, 'BAD_ARGUMENTS', 'The path of the request is no path.');
}

/** The paths that load balancers and drivers ask without a query. */
function answerPlainPath(url: URL, request: IncomingMessage, response: ServerResponse): boolean {
  const send = (status: number, text: string) => {
    response.statusCode = status;
    response.setHeader('Content-Type', 'text/plain; charset=UTF-8');
    response.end(text);
    return true;
  };
  const { pathname } = url;
  if (pathname === '/ping' || pathname === '/replicas_status') return send(200, 'Ok.\n');
  if (pathname !== '/') {
    return send(
      404,
      `There is no handle ${pathname}\n\nUse / or /ping for health checks, and POST / with a query.\n`,
    );
  }
  if (request.method === 'GET' || request.method === 'HEAD') {
    return url.searchParams.has('query') ? false : send(200, 'Ok.\n');
  }
  if (request.method === 'POST') return false;
  response.setHeader('Allow', 'GET, HEAD, POST');
  return send(405, `The method ${request.method} is not supported; use GET or POST.\n`);
}

/** A writer's databases are its own: among Perennial's tables a slip would lose what can't be had again. */
async function refuseOwnTables(anchor: EngineConnection, users: readonly User[]): Promise<void> {
  const databases = users.flatMap((user) => user.databases ?? []);
  if (databases.length === 0) return;
  const held = await anchor.rows<{ database: string }>(
    `SELECT database FROM system.tables
     WHERE name = 'perennial_migrations' AND database IN (${databases.map(quoteText).join(', ')})`,
  );
  if (held.length === 0) return;
  throw new PerennialError(
    'invalid_argument',
    `${held.map(({ database }) => database).join(', ')} holds Perennial's tables and can't be a writer's database.`,
    { hint: 'Give writers databases of their own; they may read the others.' },
  );
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/;

/**
 * Without users, a web page in a browser on this machine could reach the port: refuses requests that a page sends on its
 * own, and names that someone else's DNS points here.
 */
function refuseStrangers(request: IncomingMessage, users: Users, host: string): void {
  if (!users.open || !LOOPBACK.test(host)) return;
  const name = (request.headers.host ?? '').replace(/:\d+$/, '');
  const site = request.headers['sec-fetch-site'];
  if (request.headers.origin === undefined && (site === undefined || site === 'none') && isLocalName(name))
    return;
  throw new ClickHouseException(
    CODE.accessDenied,
    'ACCESS_DENIED',
    'This server has no users and answers local programs only, not web pages. Start it with --users to allow more.',
  );
}

function isLocalName(name: string): boolean {
  return name === '' || LOOPBACK.test(name) || isIP(name.replace(/^\[|\]$/g, '')) !== 0;
}

function refuseUnprotected(host: string, options: ClickHouseServerOptions, users: Users): void {
  if (LOOPBACK.test(host) || options.insecure === true) return;
  const lacks = [options.tls === undefined ? 'TLS' : '', users.open ? 'users' : ''].filter((it) => it !== '');
  if (lacks.length === 0) return;
  throw new PerennialError(
    'invalid_argument',
    `${host} is a public address, and there is no ${lacks.join(' and no ')}.`,
    {
      hint: 'Give --tls-cert, --tls-key and --users; or listen on 127.0.0.1; or say --insecure if the network is yours.',
    },
  );
}
