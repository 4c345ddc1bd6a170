import { type ChannelOptions, Server, ServerCredentials, setLogger } from '@grpc/grpc-js';
import { type Address, formatAddress, isLoopback, parseAddress } from '../core/address.js';
import type { Clock } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import { LIMITS } from '../core/limits.js';
import type { Engine } from '../engine/engine.js';
import { DecisionServiceService } from '../gen/perennial/v1/decision.js';
import type { SignalCatalogue } from '../signals/catalogue.js';
import type { Health } from '../telemetry/health.js';
import type { Logger } from '../telemetry/log.js';
import { Calls } from './calls.js';
import { decisionService } from './decision-service.js';
import { HealthService } from './health-service.js';
import { addReflection } from './reflection.js';
import { riskService, riskServiceDefinition } from './risk-service.js';
import { signalService, signalServiceDefinition } from './signal-service.js';

export interface ApiOptions {
  readonly engine: Pick<Engine, 'questions' | 'ingest'>;
  /** The signal catalogue in force. */
  readonly catalogue: () => SignalCatalogue;
  readonly health: Health;
  readonly clock: Clock;
  readonly log: Logger;
  /** host:port; port 0 picks a free one. */
  readonly address: string;
  /** TLS and whoever may call. Without them only this machine may reach the server. @default none */
  readonly credentials?: ServerCredentials;
  /** Listens where others can reach it although there are no `credentials`. @default false */
  readonly insecure?: boolean;
}

export interface ApiServer {
  /** Where it listens. */
  readonly address: Address;
  /**
   * Takes no more calls and waits for those under way; after the deadline they are cancelled. Resolves once none works
   * any more, so that the store can be closed. Never rejects.
   * @param deadlineMs @default 10000
   */
  stop(deadlineMs?: number): Promise<void>;
}

const SERVICES = ['perennial.v1.RiskService', 'perennial.v1.DecisionService', 'perennial.v1.SignalService'];

const CHANNEL_OPTIONS: ChannelOptions = {
  'grpc.max_receive_message_length': LIMITS.messageBytes + LIMITS.envelopeBytes,
  'grpc.max_send_message_length': LIMITS.answerBytes,
  'grpc.max_concurrent_streams': LIMITS.callsOfConnection,
  'grpc.max_metadata_size': LIMITS.metadataBytes,
  // A caller whose machine died holds its stream open for no longer than this.
  'grpc.keepalive_time_ms': 60_000,
  'grpc.keepalive_timeout_ms': 20_000,
};

/**
 * Starts the gRPC server: RiskService, DecisionService, SignalService, reflection and health.
 *
 * Throws `invalid_argument` for a bad address, `failed_precondition` for one that others can reach without `credentials`
 * or `insecure`, and `unavailable` when the address is taken.
 */
export async function startApi(options: ApiOptions): Promise<ApiServer> {
  const { engine, catalogue, health, clock, log, insecure = false } = options;
  const wanted = parseAddress(options.address, 'PERENNIAL_GRPC');
  if (options.credentials === undefined && !insecure) await refusePublic(wanted);

  logLibrary(log);
  const calls = new Calls(log);
  const server = new Server(CHANNEL_OPTIONS);
  server.addService(riskServiceDefinition, riskService(engine.questions, calls, clock));
  server.addService(DecisionServiceService, { ...decisionService(engine.questions, calls) });
  server.addService(
    signalServiceDefinition,
    signalService({ ingest: (batch) => engine.ingest(batch), catalogue, clock }, calls),
  );
  addReflection(server);
  const healthService = new HealthService(health, SERVICES);
  healthService.addTo(server);

  let port: number;
  try {
    port = await bind(server, wanted, options.credentials ?? ServerCredentials.createInsecure());
  } catch (thrown) {
    healthService.stop();
    server.forceShutdown();
    throw thrown;
  }
  let stopped: Promise<void> | undefined;
  return {
    address: { host: wanted.host, port },
    stop(deadlineMs = 10_000) {
      stopped ??= stop(server, healthService, calls, deadlineMs);
      return stopped;
    },
  };
}

/** What grpc-js has to say beside the errors it gives back, such as why an address could not be had. One for the process. */
function logLibrary(log: Logger): void {
  const say = (...words: unknown[]) => log.debug({ library: 'grpc-js' }, words.map(String).join(' '));
  setLogger({ error: say, info: say, debug: say });
}

async function refusePublic(address: Address): Promise<void> {
  if (await isLoopback(address.host)) return;
  throw new PerennialError(
    'failed_precondition',
    `The gRPC server would be open to others on ${formatAddress(address)}, without TLS or authentication.`,
    {
      hint: 'Listen on 127.0.0.1, or give --insecure when something in front of it protects it, such as a private network.',
    },
  );
}

function bind(server: Server, address: Address, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(formatAddress(address), credentials, (cause, port) => {
      if (cause === null) resolve(port);
      else {
        reject(
          new PerennialError('unavailable', `The gRPC server can't listen on ${formatAddress(address)}.`, {
            hint: 'Set PERENNIAL_GRPC to a free host:port of this machine, with port 0 for any free one.',
            retryable: false,
            cause,
          }),
        );
      }
    });
  });
}

async function stop(
  server: Server,
  healthService: HealthService,
  calls: Calls,
  deadlineMs: number,
): Promise<void> {
  healthService.stop();
  let timer: NodeJS.Timeout | undefined;
  const drained = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, deadlineMs);
  });
  await Promise.race([drained, late]);
  clearTimeout(timer);
  server.forceShutdown();
  await calls.settled();
}
