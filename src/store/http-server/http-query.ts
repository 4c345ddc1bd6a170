import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { ClickHouseException, CODE } from '../engine/clickhouse-exception.js';
import { RESERVED_PARAMETERS } from './settings.js';

/** Encodings that the engine itself writes and reads, best first for an answer. */
const ENCODINGS = ['zstd', 'lz4', 'gzip', 'br', 'deflate', 'xz', 'snappy'] as const;
export type Encoding = (typeof ENCODINGS)[number] | 'none';

/** What a request asks for, apart from its body. */
export interface HttpQuery {
  /** The statement in the URL, or its beginning. */
  readonly sql: string;
  readonly database: string | undefined;
  /** Format of a result whose statement names none. */
  readonly defaultFormat: string;
  readonly settings: ReadonlyMap<string, string>;
  readonly parameters: ReadonlyMap<string, string>;
  readonly queryId: string;
  readonly session:
    | { readonly id: string; readonly timeoutMs: number; readonly mustExist: boolean }
    | undefined;
  readonly closeSession: boolean;
  readonly requestEncoding: Encoding;
  readonly responseEncoding: Encoding;
  /** Answer only when all is known to be well. */
  readonly waitForEnd: boolean;
  /** GET may only read, as on a server. */
  readonly mayWrite: boolean;
}

/** Reads URL and headers. Throws BAD_ARGUMENTS or NOT_IMPLEMENTED with what to do instead. */
export function readHttpQuery(request: IncomingMessage, url: URLSearchParams): HttpQuery {
  refuseWhatIsMissing(request, url);
  const settings = new Map<string, string>();
  const parameters = new Map<string, string>();
  for (const [name, value] of url) {
    if (name.startsWith('param_')) parameters.set(name.slice('param_'.length), value);
    else if (!RESERVED_PARAMETERS.has(name)) settings.set(name, value);
  }
  const header = (name: string): string | undefined => {
    const value = request.headers[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const defaultFormat = url.get('default_format') ?? header('x-clickhouse-format') ?? 'TabSeparated';
  if (!/^\w+$/.test(defaultFormat)) throw wrong(`'${defaultFormat}' is not a format.`);
  const queryId = url.get('query_id') || header('x-clickhouse-query-id') || randomUUID();
  if (queryId.length > 256) throw wrong('query_id is longer than 256 characters.');
  const isOn = (name: string): boolean => /^(1|true|on)$/i.test(url.get(name) ?? '');
  return {
    sql: url.get('query') ?? '',
    database: url.get('database') || header('x-clickhouse-database'),
    defaultFormat,
    settings,
    parameters,
    queryId,
    session: readSession(url),
    closeSession: isOn('close_session'),
    requestEncoding: requestEncoding(header('content-encoding')),
    responseEncoding:
      url.get('enable_http_compression') === '0' ? 'none' : chooseEncoding(header('accept-encoding') ?? ''),
    waitForEnd: isOn('wait_end_of_query') || isOn('http_wait_end_of_query'),
    mayWrite: request.method !== 'GET' && request.method !== 'HEAD',
  };
}

function refuseWhatIsMissing(request: IncomingMessage, url: URLSearchParams): void {
  if (url.get('compress') === '1' || url.get('decompress') === '1') {
    throw missing(
      "ClickHouse's own block compression (compress=1, decompress=1) is not supported. Use HTTP compression: Accept-Encoding and Content-Encoding with gzip, br, deflate, zstd or lz4; in JDBC set compress=false.",
    );
  }
  if (/^multipart\//i.test(request.headers['content-type'] ?? '')) {
    throw missing(
      'Multipart bodies (external tables, form parameters) are not supported. Send the statement as the body and parameters as param_<name> in the URL; put the rows of an external table into a temporary table in a session.',
    );
  }
  if (url.get('role')) throw missing('Roles are not supported. The users file gives each user a kind.');
}

function readSession(url: URLSearchParams): HttpQuery['session'] {
  const id = url.get('session_id');
  if (id === null || id === '') return undefined;
  if (id.length > 256) throw wrong('session_id is longer than 256 characters.');
  const seconds = Number(url.get('session_timeout') ?? 60);
  if (!Number.isFinite(seconds) || seconds <= 0 || seconds > 3_600) {
    throw wrong('session_timeout is a number of seconds, at most 3600.');
  }
  return { id, timeoutMs: seconds * 1_000, mustExist: url.get('session_check') === '1' };
}

function requestEncoding(header: string | undefined): Encoding {
  const name = (header ?? 'identity').trim().toLowerCase();
  if (name === 'identity') return 'none';
  const known = ENCODINGS.find((encoding) => encoding === (name === 'x-gzip' ? 'gzip' : name));
  if (known !== undefined) return known;
  throw wrong(`Content-Encoding '${name}' is not known; these are: ${ENCODINGS.join(', ')}.`);
}

function chooseEncoding(accept: string): Encoding {
  const accepted = new Set(
    accept
      .toLowerCase()
      .split(',')
      .map((part) => part.trim().split(/\s*;\s*/))
      .filter(([, ...options]) => !options.some((option) => /^q=0(\.0*)?$/.test(option)))
      .map(([name]) => name),
  );
  return ENCODINGS.find((encoding) => accepted.has(encoding)) ?? 'none';
}

function wrong(message: string): ClickHouseException {
  return new ClickHouseException(CODE.badArguments, 'BAD_ARGUMENTS', message);
}

function missing(message: string): ClickHouseException {
  return new ClickHouseException(CODE.notImplemented, 'NOT_IMPLEMENTED', message);
}
