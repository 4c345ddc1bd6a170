import { connect as connectSocket } from 'node:net';
import { type Client, createClient, type Transport } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { LONGEST_TIMER_MS } from '../core/long-timer.js';
import { CustomerService } from '../gen/perennial/v1/customer_service_pb.js';
import { DecisionService } from '../gen/perennial/v1/decision_service_pb.js';
import { QueryService } from '../gen/perennial/v1/query_service_pb.js';
import { RetractionService } from '../gen/perennial/v1/retraction_service_pb.js';
import { RiskOverrideService } from '../gen/perennial/v1/risk_override_service_pb.js';
import { RiskService } from '../gen/perennial/v1/risk_service_pb.js';
import { RuleService } from '../gen/perennial/v1/rule_service_pb.js';
import { RunService } from '../gen/perennial/v1/run_service_pb.js';
import { SignalService } from '../gen/perennial/v1/signal_service_pb.js';
import { type Credentials, credentialsInterceptor } from './credentials.js';
import { retryInterceptor } from './retry.js';

export interface ConnectOptions {
  /** "host:port", or "unix:/path/to/perennial.sock". */
  readonly server: string;
  /** Bearer token, or what gives the current one, asked before every call. @default none */
  readonly token?: string | (() => string | Promise<string>);
  /** TLS. `true`: the authorities that Node knows. @default none, which suits this machine only */
  readonly tls?: boolean | TlsOptions;
  /** Deadline of a unary call that gives none, in milliseconds. @default 10000 */
  readonly deadlineMs?: number;
  /** How often a call is tried that may be repeated. @default 4 */
  readonly attempts?: number;
  /** Why, for the server's audit log. @default nothing */
  readonly reason?: string;
}

export interface TlsOptions {
  /** PEM of the authority that signed the server's certificate. */
  readonly ca?: string | Buffer;
  /** PEM of the client's certificate and key, where the server asks for one. */
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** Name in the server's certificate, when it is not the host. */
  readonly serverName?: string;
}

/** A connection to Perennial: a client of each service. It connects with the first call, and again when it is cut. */
export interface Perennial {
  readonly risks: Client<typeof RiskService>;
  readonly decisions: Client<typeof DecisionService>;
  readonly customers: Client<typeof CustomerService>;
  readonly signals: Client<typeof SignalService>;
  readonly retractions: Client<typeof RetractionService>;
  readonly riskOverrides: Client<typeof RiskOverrideService>;
  readonly rules: Client<typeof RuleService>;
  readonly runs: Client<typeof RunService>;
  readonly queries: Client<typeof QueryService>;
  /** For services beside ours, such as health. */
  readonly transport: Transport;
  /** Ends the connection; calls that run are cancelled. */
  close(): void;
}

/**
 * Connects to Perennial.
 *
 * @example
 * const perennial = connect({ server: 'perennial.internal:50051', tls: true, token: process.env.PERENNIAL_TOKEN });
 * const risk = await perennial.risks.getRisk({ subject: { case: 'subscriptionId', value: 'sub-1' } }, { timeoutMs: 500 });
 */
export function connect(options: ConnectOptions): Perennial {
  const { server, deadlineMs = 10_000, attempts = 4 } = options;
  const unix = /^unix:(.+)$/.exec(server)?.[1];
  const secure = options.tls !== undefined && options.tls !== false;
  const authority = unix === undefined ? server : 'localhost';
  const baseUrl = `${secure ? 'https' : 'http'}://${authority}`;
  const sessions = new Http2SessionManager(
    baseUrl,
    { pingIntervalMs: 60_000, idleConnectionTimeoutMs: 15 * 60_000 },
    unix === undefined ? tlsOptions(options.tls) : { createConnection: () => connectSocket(unix) },
  );
  const credentials: Credentials = {
    ...(options.token === undefined ? {} : { token: options.token }),
    ...(options.reason === undefined ? {} : { reason: options.reason }),
  };
  const transport = withCountableTimeouts(
    createGrpcTransport({
      baseUrl,
      sessionManager: sessions,
      defaultTimeoutMs: Math.min(deadlineMs, LONGEST_TIMER_MS),
      interceptors: [retryInterceptor(attempts), credentialsInterceptor(credentials)],
    }),
  );
  return {
    risks: createClient(RiskService, transport),
    decisions: createClient(DecisionService, transport),
    customers: createClient(CustomerService, transport),
    signals: createClient(SignalService, transport),
    retractions: createClient(RetractionService, transport),
    riskOverrides: createClient(RiskOverrideService, transport),
    rules: createClient(RuleService, transport),
    runs: createClient(RunService, transport),
    queries: createClient(QueryService, transport),
    transport,
    close: () => sessions.abort(),
  };
}

/** Shortens timeouts of more than 24 days, by which callers mean "no end", to what a timer can count. */
function withCountableTimeouts(transport: Transport): Transport {
  const countable = (ms: number | undefined) =>
    ms === undefined ? undefined : Math.min(ms, LONGEST_TIMER_MS);
  return {
    unary: (method, signal, timeoutMs, ...rest) =>
      transport.unary(method, signal, countable(timeoutMs), ...rest),
    stream: (method, signal, timeoutMs, ...rest) =>
      transport.stream(method, signal, countable(timeoutMs), ...rest),
  };
}

function tlsOptions(tls: ConnectOptions['tls']) {
  if (typeof tls !== 'object') return {};
  const { serverName, ...files } = tls;
  return { ...files, ...(serverName === undefined ? {} : { servername: serverName }) };
}
