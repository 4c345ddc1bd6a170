import { promisify } from 'node:util';
import {
  type CallOptions,
  type ClientUnaryCall,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { type ApiOptions, type ApiServer, startApi } from '../../src/api/server.js';
import { formatAddress } from '../../src/core/address.js';
import type { Clock } from '../../src/core/clock.js';
import { loadDefinitions } from '../../src/engine/definitions.js';
import { Engine } from '../../src/engine/engine.js';
import { DecisionServiceClient } from '../../src/gen/perennial/v1/decision.js';
import { RiskServiceClient } from '../../src/gen/perennial/v1/risk.js';
import { SignalServiceClient } from '../../src/gen/perennial/v1/signal.js';
import { writeBatch } from '../../src/ingest/batch-writer.js';
import { EMPTY_CATALOGUE } from '../../src/signals/catalogue.js';
import { DEFAULT_END } from '../../src/simulate/model.js';
import { simulate } from '../../src/simulate/simulate.js';
import { Health } from '../../src/telemetry/health.js';
import { silentLogger } from '../../src/telemetry/log.js';
import { projectFile } from '../support/project.js';
import { tempStore } from '../support/temp-store.js';

/** Now, for every server of these tests. */
export const NOW = DEFAULT_END;

/** An engine over a simulated business, everyone scored as of NOW. */
export async function scoredEngine(accounts = 40, clock: Clock = () => NOW) {
  const { store, close } = await tempStore();
  const definitions = await loadDefinitions(store, projectFile('scoring'), projectFile('rules'));
  const engine = new Engine({ store, definitions, clock, log: silentLogger(), fullRescoreEveryMs: null });
  const records = [...simulate({ seed: 7, accounts, days: 150 }).records()];
  await writeBatch(
    store,
    records.map(({ record, receivedAt }, offset) => ({
      record,
      receivedAt,
      origin: { topic: 'simulated', partition: 0, offset },
    })),
  );
  await engine.start();
  return {
    engine,
    store,
    async close() {
      await engine.stop();
      await close();
    },
  };
}

export type ScoredEngine = Awaited<ReturnType<typeof scoredEngine>>;

/** A server on a free port of this machine, and a client of each service. */
export async function serve(engine: ApiOptions['engine'], more: Partial<ApiOptions> = {}) {
  const server = await startApi({
    engine,
    catalogue: () => EMPTY_CATALOGUE,
    health: new Health(),
    clock: () => NOW,
    log: silentLogger(),
    address: '127.0.0.1:0',
    ...more,
  });
  return { server, ...clientsOf(server) };
}

export function clientsOf(server: ApiServer) {
  const target = formatAddress(server.address);
  const plain = credentials.createInsecure();
  const risks = new RiskServiceClient(target, plain);
  const decisions = new DecisionServiceClient(target, plain);
  const signals = new SignalServiceClient(target, plain);
  return {
    target,
    risks,
    decisions,
    signals,
    /** Ends the clients, then the server. */
    async stop() {
      for (const client of [risks, decisions, signals]) client.close();
      await server.stop(2_000);
    },
  };
}

export type Served = Awaited<ReturnType<typeof serve>>;

type Method<Q, R> = (
  request: Q,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response: R) => void,
) => ClientUnaryCall;

/** One unary call as a promise: `ask(client, client.getRisk, {...})`. Rejects with the ServiceError. */
export function ask<Q, R>(
  client: object,
  method: Method<Q, R>,
  request: Q,
  options: Partial<CallOptions> = {},
): Promise<R> {
  const call = promisify(method.bind(client) as Method<Q, R>) as (
    request: Q,
    metadata: Metadata,
    options: Partial<CallOptions>,
  ) => Promise<R>;
  return call(request, new Metadata(), options);
}

/** The error a call ends with. Fails the test when it succeeds. */
export async function errorOf(call: Promise<unknown>): Promise<ServiceError> {
  try {
    await call;
  } catch (thrown) {
    return thrown as ServiceError;
  }
  throw new Error('the call should have failed');
}
