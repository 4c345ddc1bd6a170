import { ConnectError } from '@connectrpc/connect';
import { type ApiOptions, type ApiServer, startApi } from '../../src/api/server.js';
import { BadRequestSchema, type ConnectOptions, connect, type Perennial } from '../../src/client/index.js';
import { formatAddress } from '../../src/core/address.js';
import type { Clock } from '../../src/core/clock.js';
import { localDecider } from '../../src/engine/decider.js';
import { loadDefinitions } from '../../src/engine/definitions.js';
import { Engine } from '../../src/engine/engine.js';
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
export async function scoredEngine(accounts = 40, clock: Clock = () => NOW, rules = projectFile('rules')) {
  const { store, close } = await tempStore();
  const definitions = await loadDefinitions(store, projectFile('scoring'), rules);
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

/** A server on a free port of this machine, and a client of it. */
export async function serve(
  engine: (Pick<ApiOptions['engine'], 'questions' | 'ingest'> & Partial<ApiOptions['engine']>) | Engine,
  more: Partial<ApiOptions> = {},
) {
  const whole = engine instanceof Engine;
  const server = await startApi({
    engine: whole ? engine : { definitions: absent('definitions'), touch: () => {}, ...engine },
    store: whole ? engine.store : absent('store'),
    decider: whole ? localDecider(engine) : absent('decider'),
    catalogue: () => EMPTY_CATALOGUE,
    health: new Health(),
    clock: () => NOW,
    log: silentLogger(),
    address: '127.0.0.1:0',
    ...more,
  });
  return { server, ...clientOf(server) };
}

/** For engines of a test's own, which have no such thing. */
function absent(what: string): never {
  return new Proxy({}, { get: () => () => Promise.reject(new Error(`this test has no ${what}`)) }) as never;
}

/** A client that does not try again, so that tests see what the server says. */
export function clientOf(server: ApiServer, more: Partial<ConnectOptions> = {}) {
  const target = formatAddress(server.address);
  const client: Perennial = connect({ server: target, attempts: 1, deadlineMs: 60_000, ...more });
  return {
    target,
    client,
    /** Ends the client, then the server. */
    async stop() {
      client.close();
      await server.stop(2_000);
    },
  };
}

export type Served = Awaited<ReturnType<typeof serve>>;

/** The error a call ends with. Fails the test when it succeeds. */
export async function errorOf(call: Promise<unknown>): Promise<ConnectError> {
  try {
    await call;
  } catch (thrown) {
    return ConnectError.from(thrown);
  }
  throw new Error('the call should have failed');
}

/** Everything a stream brings. */
export async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

/** The fields that an error names. */
export function violationsOf(error: ConnectError) {
  return error.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) => fieldViolations);
}
