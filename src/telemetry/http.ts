import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseAddress } from '../core/address.js';
import { PerennialError } from '../core/errors.js';
import type { Health, HealthReport } from './health.js';
import type { Metrics } from './metrics.js';

export interface TelemetryServer {
  /** Port it listens on. */
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves `/livez`, `/readyz` (200 or 503, JSON with what is wrong) and `/metrics` (Prometheus). `address` is host:port,
 * port 0 picks a free one. Holds no personal data, but is meant for the cluster's inside only.
 */
export async function serveTelemetry(
  address: string,
  health: Health,
  metrics: Metrics,
): Promise<TelemetryServer> {
  const { host, port } = parseAddress(address, 'PERENNIAL_HTTP');
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?', 1)[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') answer(response, 405, 'Only GET is served.\n');
    else if (path === '/livez') answerHealth(response, health.live());
    else if (path === '/readyz') answerHealth(response, health.ready());
    else if (path === '/metrics') void answerMetrics(response, metrics, health);
    else answer(response, 404, 'There is /livez, /readyz and /metrics.\n');
  });
  await listen(server, host, port, address);
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** As of now: a check that is gone leaves no figure behind. A check of that name may be one of life and one of readiness. */
function showHealth({ ready }: Metrics, health: Health): void {
  ready.reset();
  const failed = new Set(health.checks().flatMap(({ check, ok }) => (ok ? [] : [check])));
  for (const { check } of health.checks()) ready.set({ check }, failed.has(check) ? 0 : 1);
}

async function listen(server: Server, host: string, port: number, address: string): Promise<void> {
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (cause) {
    throw new PerennialError('unavailable', `The health and metrics server can't listen on ${address}.`, {
      hint: 'Set PERENNIAL_HTTP to a free host:port, with port 0 for any, or to nothing for no such server.',
      cause,
    });
  }
}

function answerHealth(response: ServerResponse, report: HealthReport): void {
  answer(response, report.ok ? 200 : 503, `${JSON.stringify(report)}\n`, 'application/json');
}

async function answerMetrics(response: ServerResponse, metrics: Metrics, health: Health): Promise<void> {
  try {
    showHealth(metrics, health);
    answer(response, 200, await metrics.registry.metrics(), metrics.registry.contentType);
  } catch (error) {
    answer(response, 500, `${error instanceof Error ? error.message : String(error)}\n`);
  }
}

function answer(response: ServerResponse, status: number, body: string, type = 'text/plain'): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
}
