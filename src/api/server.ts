import { setLogger } from '@grpc/grpc-js';
import { type AccessControl, OPEN_ACCESS } from '../access/access-control.js';
import { type Address, formatAddress, isLoopback, parseAddress } from '../core/address.js';
import type { Clock } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import { Customers } from '../engine/customers.js';
import type { Decider } from '../engine/decider.js';
import type { Engine } from '../engine/engine.js';
import { Moments } from '../engine/moments.js';
import { RuleSets } from '../engine/rule-sets.js';
import type { SignalCatalogue } from '../signals/catalogue.js';
import type { Store } from '../store/store.js';
import type { Health } from '../telemetry/health.js';
import type { Logger } from '../telemetry/log.js';
import { createMetrics, type Metrics } from '../telemetry/metrics.js';
import { AuditLog } from './audit-log.js';
import { CallMetrics } from './call-metrics.js';
import { Calls } from './calls.js';
import { customerService } from './customer-service.js';
import { decisionService } from './decision-service.js';
import { Failures } from './failure.js';
import { Gate } from './gate.js';
import { HealthService } from './health-service.js';
import { httpPage } from './http-page.js';
import { openApi } from './openapi.js';
import { queryService } from './query-service.js';
import { RecordIntake } from './record-intake.js';
import { addReflection } from './reflection.js';
import { retractionService } from './retraction-service.js';
import { riskOverrideService } from './risk-override-service.js';
import { riskService } from './risk-service.js';
import type { Rpc } from './rpc.js';
import { ruleService } from './rule-service.js';
import { runService } from './run-service.js';
import { signalService } from './signal-service.js';
import { GrpcServer } from './transport/grpc-server.js';
import { type HttpServer, serveHttp } from './transport/http-server.js';
import { type Listener, listenTcp, listenUnix } from './transport/listener.js';
import type { TlsFiles } from './transport/tls-files.js';

export interface ApiOptions {
  readonly engine: Pick<Engine, 'questions' | 'ingest' | 'definitions'> & {
    /** Has accounts scored soon. */
    touch(accounts: readonly string[]): unknown;
  };
  readonly store: Store;
  /** Has accounts decided while a caller waits. */
  readonly decider: Decider;
  /** The signal catalogue that is active. */
  readonly catalogue: () => SignalCatalogue;
  readonly health: Health;
  readonly clock: Clock;
  readonly log: Logger;
  /** host:port; port 0 picks a free one. */
  readonly address: string;
  /** Who may call. @default everyone who can reach the address */
  readonly access?: AccessControl;
  /** @default none */
  readonly tls?: TlsFiles;
  /** Listens where others can reach it although TLS or `access` is missing. @default false */
  readonly insecure?: boolean;
  /** host:port of the API over HTTP with JSON; port 0 picks a free one. @default none */
  readonly http?: { readonly address: string; readonly origins: readonly string[] };
  /** Unix socket on which the user of this process may do everything. @default none */
  readonly socket?: string;
  /** File of the audit log. @default the log */
  readonly auditLog?: string;
  /** @default ones that nobody reads */
  readonly metrics?: Metrics;
  /** A stream of signals on which nothing comes, and any of which nothing is read, for this long is ended. @default one minute */
  readonly idleStreamMs?: number;
}

export interface ApiServer {
  /** Where it listens. */
  readonly address: Address;
  /** Where it listens for HTTP with JSON. */
  readonly http?: Address;
  /**
   * Takes no more calls and waits for those running; after the deadline they are cancelled. Resolves once none works
   * any more, so that the store can be closed. Never rejects.
   * @param deadlineMs @default 10000
   */
  stop(deadlineMs?: number): Promise<void>;
}

/**
 * Starts the API: gRPC with reflection and health.
 *
 * Throws `invalid_argument` for a bad address, `failed_precondition` for one that others can reach without TLS and
 * authentication, and `unavailable` when the address is taken.
 */
export async function startApi(options: ApiOptions): Promise<ApiServer> {
  const { access = OPEN_ACCESS, health, log, tls } = options;
  const wanted = parseAddress(options.address, 'PERENNIAL_GRPC');
  if (options.insecure !== true) await refusePublic(wanted, access, tls);
  logLibrary(log);

  const gate = new Gate();
  const failures = new Failures(log);
  const shared = {
    gate,
    failures,
    audit: new AuditLog(log, options.auditLog ?? ''),
    metrics: new CallMetrics(options.metrics ?? createMetrics(), gate),
    log,
  };
  const rpcs = rpcsOf(options);
  const services = [...new Set(rpcs.map(({ method }) => method.parent.typeName))];
  const fronts: Front[] = [];
  const open = (as: AccessControl): Front => {
    const calls = new Calls({ ...shared, access: as });
    const grpc = new GrpcServer(rpcs, calls, options.idleStreamMs ?? IDLE_MS);
    addReflection(grpc.server, as, failures);
    const healthService = new HealthService(health, services);
    healthService.addTo(grpc.server);
    const front: Front = { calls, grpc, healthService, listeners: [] };
    fronts.push(front);
    return front;
  };
  let port: number;
  let http: Address | undefined;
  try {
    const front = open(access);
    const listener = await listenTcp(wanted, 'PERENNIAL_GRPC', tls, ['h2'], (socket) =>
      front.grpc.connected(socket),
    );
    front.listeners.push(listener);
    port = listener.port;
    if (options.http !== undefined) {
      const address = parseAddress(options.http.address, 'PERENNIAL_CONNECT');
      if (options.insecure !== true) await refusePublic(address, access, tls);
      const served = await serveHttp({
        address,
        rpcs,
        calls: front.calls,
        failures,
        tls,
        authenticates: access.authenticates,
        origins: options.http.origins,
        unreadMs: options.idleStreamMs ?? IDLE_MS,
        pages: new Map([
          ['/', { type: 'text/html; charset=utf-8', text: httpPage(services) }],
          ['/openapi.json', { type: 'application/json', text: JSON.stringify(openApi(rpcs)) }],
        ]),
      });
      front.http = served;
      http = { host: address.host, port: served.port };
    }
    if (options.socket !== undefined) {
      const local = open(OPEN_ACCESS);
      local.listeners.push(await listenUnix(options.socket, (socket) => local.grpc.connected(socket)));
    }
  } catch (thrown) {
    await Promise.all(fronts.map((front) => stop(front, 0)));
    throw thrown;
  }
  let stopped: Promise<void> | undefined;
  return {
    address: { host: wanted.host, port },
    ...(http === undefined ? {} : { http }),
    stop(deadlineMs = 10_000) {
      stopped ??= Promise.all(fronts.map((front) => stop(front, deadlineMs))).then(() => {});
      return stopped;
    },
  };
}

/** Every method, with what answers it. */
export function rpcsOf(
  options: Pick<ApiOptions, 'engine' | 'store' | 'decider' | 'catalogue' | 'clock' | 'log' | 'idleStreamMs'>,
): readonly Rpc[] {
  const { engine, store, decider, catalogue, clock, log, idleStreamMs } = options;
  const { questions } = engine;
  const intake = new RecordIntake({ ingest: (batch) => engine.ingest(batch), catalogue, clock });
  return [
    ...riskService(questions, clock, log),
    ...decisionService({
      questions,
      decider,
      moments: new Moments(store, questions, decider, clock),
      clock,
      log,
    }),
    ...customerService(new Customers(store, questions, clock), intake),
    ...signalService(intake, idleStreamMs ?? IDLE_MS),
    ...retractionService({
      store,
      ingest: (batch) => engine.ingest(batch),
      touch: (accounts) => engine.touch(accounts),
      clock,
    }),
    ...riskOverrideService({ store, clock, touch: (accounts) => engine.touch(accounts) }),
    ...ruleService(new RuleSets(store, () => engine.definitions, clock)),
    ...runService(store),
    ...queryService(store),
  ];
}

const IDLE_MS = 60_000;

/** One set of rights, and where it is reached. */
interface Front {
  readonly calls: Calls;
  readonly grpc: GrpcServer;
  readonly healthService: HealthService;
  readonly listeners: Listener[];
  http?: HttpServer;
}

async function stop(
  { calls, grpc, healthService, listeners, http }: Front,
  deadlineMs: number,
): Promise<void> {
  healthService.stop();
  for (const listener of listeners) listener.close();
  await Promise.all([grpc.stop(deadlineMs), http?.stop(deadlineMs)]);
  await calls.settled();
}

/** What grpc-js has to say beside the errors it gives back, such as why a connection ended. One for the process. */
function logLibrary(log: Logger): void {
  const say = (...words: unknown[]) => log.debug({ library: 'grpc-js' }, words.map(String).join(' '));
  setLogger({ error: say, info: say, debug: say });
}

async function refusePublic(
  address: Address,
  access: AccessControl,
  tls: TlsFiles | undefined,
): Promise<void> {
  if ((access.authenticates && tls !== undefined) || (await isLoopback(address.host))) return;
  const missing = [
    ...(tls === undefined ? ['TLS (PERENNIAL_TLS_CERT and PERENNIAL_TLS_KEY)'] : []),
    ...(access.authenticates ? [] : ['authentication (PERENNIAL_ACCESS)']),
  ].join(' and ');
  throw new PerennialError(
    'failed_precondition',
    `The API would be open to others on ${formatAddress(address)}, without ${missing}.`,
    {
      hint: 'Set what is missing; or listen on 127.0.0.1; or give --insecure when something in front of it protects it, such as a private network.',
    },
  );
}
