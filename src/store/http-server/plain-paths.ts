import type { IncomingMessage, ServerResponse } from 'node:http';
import { ClickHouseException, CODE } from '../engine/clickhouse-exception.js';
import type { DoorMetrics } from './door-metrics.js';
import type { Caller } from './users.js';

export interface PathParts {
  readonly metrics: DoorMetrics;
  /** Why no queries should be sent here now; undefined when they should. */
  notReady(): Promise<string | undefined>;
  authenticate(): Promise<Caller>;
}

/** Answers the paths that load balancers, monitors and drivers ask without a query. Resolves to whether it has. */
export async function answerPlainPath(
  url: URL,
  request: IncomingMessage,
  response: ServerResponse,
  { metrics, notReady, authenticate }: PathParts,
): Promise<boolean> {
  const send = (status: number, text: string, type = 'text/plain; charset=UTF-8') => {
    response.statusCode = status;
    response.setHeader('Content-Type', type);
    response.end(text);
    return true;
  };
  const { pathname } = url;
  const reads = request.method === 'GET' || request.method === 'HEAD';
  if (pathname === '/ping' || pathname === '/replicas_status') return send(200, 'Ok.\n');
  if (pathname === '/livez') return send(200, '{"ok":true}\n', 'application/json');
  if (pathname === '/readyz') {
    const why = await notReady();
    return send(
      why === undefined ? 200 : 503,
      `${JSON.stringify({ ok: why === undefined, why })}\n`,
      'application/json',
    );
  }
  if (pathname === '/metrics' && reads) {
    await authenticate();
    return send(200, await metrics.registry.metrics(), metrics.registry.contentType);
  }
  if (pathname !== '/') {
    return send(
      404,
      `There is no handle ${pathname}\n\nUse / or /ping for health checks, and POST / with a query.\n`,
    );
  }
  if (reads) return url.searchParams.has('query') ? false : send(200, 'Ok.\n');
  if (request.method === 'POST') return false;
  response.setHeader('Allow', 'GET, HEAD, POST');
  return send(405, `The method ${request.method} is not supported; use GET or POST.\n`);
}

export function readUrl(text: string): URL {
  if (text.startsWith('/') && URL.canParse(`http://localhost${text}`))
    return new URL(`http://localhost${text}`);
  throw new ClickHouseException(CODE.badArguments, 'BAD_ARGUMENTS', 'The path of the request is no path.');
}
