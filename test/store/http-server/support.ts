import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ClickHouseClient,
  type ClickHouseClientConfigOptions,
  ClickHouseLogLevel,
  createClient,
} from '@clickhouse/client';
import {
  type ClickHouseServer,
  type ClickHouseServerOptions,
  startClickHouseServer,
} from '../../../src/store/http-server/server.js';

export interface TestServer {
  readonly server: ClickHouseServer;
  readonly dataDir: string;
  readonly client: ClickHouseClient;
  clientWith(options: ClickHouseClientConfigOptions): ClickHouseClient;
  /** A request by hand: the URL's parameters, and the rest as fetch takes it. */
  http(parameters: Record<string, string>, init?: RequestInit): Promise<Response>;
  close(): Promise<void>;
}

/** A server on a free port over a data directory that goes away on `close`. */
export async function testServer(options: Partial<ClickHouseServerOptions> = {}): Promise<TestServer> {
  const dataDir = options.path ?? mkdtempSync(join(tmpdir(), 'perennial-http-'));
  const server = await startClickHouseServer({ path: dataDir, ...options });
  const clients: ClickHouseClient[] = [];
  const clientWith = (more: ClickHouseClientConfigOptions) => {
    const client = createClient({
      url: server.url,
      request_timeout: 120_000,
      log: { level: ClickHouseLogLevel.OFF },
      ...more,
    });
    clients.push(client);
    return client;
  };
  return {
    server,
    dataDir,
    client: clientWith({}),
    clientWith,
    http: (parameters, init) => fetch(`${server.url}/?${new URLSearchParams(parameters)}`, init),
    close: async () => {
      for (const client of clients) await client.close();
      await server.close(5_000);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
