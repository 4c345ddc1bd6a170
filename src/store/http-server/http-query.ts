import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { ClickHouseException, CODE } from '../engine/clickhouse-exception.js';
import { type ExternalTable, externalTables, isAboutTable } from './external-tables.js';
import type { MultipartForm } from './multipart-form.js';
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
  /** Whether the body, the answer, is in ClickHouse's own compressed blocks. */
  readonly requestBlocks: boolean;
  readonly responseBlocks: boolean;
  readonly responseEncoding: Encoding;
  /** Version of ClickHouse's own protocol that the caller reads Native in; 0: plain Native. */
  readonly protocolVersion: number;
  readonly tables: readonly ExternalTable[];
  /** Whether the body was a form, and has been read. */
  readonly hasForm: boolean;
  /** Answer only when all is known to be well. */
  readonly waitForEnd: boolean;
  /** GET may only read, as on a server. */
  readonly mayWrite: boolean;
}

/** Reads URL and headers, and the fields of a form, which count like parameters of the URL. Throws BAD_ARGUMENTS. */
export function readHttpQuery(
  request: IncomingMessage,
  address: URLSearchParams,
  form: MultipartForm | undefined,
): HttpQuery {
  const url = new URLSearchParams(address);
  for (const [name, value] of form?.fields ?? []) url.append(name, value);
  if (url.get('role')) throw wrong('Roles are not supported. The users file gives each user a kind.');
  const tables = form?.tables ?? new Map();
  const settings = new Map<string, string>();
  const parameters = new Map<string, string>();
  for (const [name, value] of url) {
    if (name.startsWith('param_')) parameters.set(name.slice('param_'.length), value);
    else if (!RESERVED_PARAMETERS.has(name) && !isAboutTable(name, tables)) settings.set(name, value);
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
    requestBlocks: isOn('decompress'),
    responseEncoding:
      isOn('compress') || url.get('enable_http_compression') === '0'
        ? 'none'
        : chooseEncoding(header('accept-encoding') ?? ''),
    responseBlocks: isOn('compress'),
    protocolVersion: Math.max(0, Number(url.get('client_protocol_version') ?? 0) || 0),
    tables: externalTables(tables, url),
    hasForm: form !== undefined,
    waitForEnd: isOn('wait_end_of_query') || isOn('http_wait_end_of_query'),
    mayWrite: request.method !== 'GET' && request.method !== 'HEAD',
  };
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
