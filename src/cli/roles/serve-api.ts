import { FileAccess, OPEN_ACCESS } from '../../access/access-control.js';
import { type ApiOptions, type ApiServer, startApi } from '../../api/server.js';
import { LONGEST_SOCKET_PATH } from '../../api/transport/listener.js';
import { TlsFiles } from '../../api/transport/tls-files.js';
import { formatAddress, isLoopback, parseAddress } from '../../core/address.js';
import { systemClock } from '../../core/clock.js';
import { PerennialError } from '../../core/errors.js';
import type { Settings } from '../../core/settings.js';
import { RecordCounts } from '../../ingest/record-counts.js';
import type { Logger } from '../../telemetry/log.js';
import { readCatalogueFile } from '../catalogue-file.js';
import type { Role } from '../role.js';
import { socketOf } from '../running-engine.js';

/**
 * Serves the API as the settings say, and at the socket in the data directory, until `stop`. Files of access and TLS are read again
 * when they change; what is wrong with a changed one stands in the details of health.
 */
export async function serveApi(
  { settings, logger, health, metrics, store }: Role,
  engine: ApiOptions['engine'],
  decider: ApiOptions['decider'],
  insecure: boolean,
): Promise<ApiServer> {
  const catalogue = readCatalogueFile(settings.PERENNIAL_SCORING);
  const access =
    settings.PERENNIAL_ACCESS === ''
      ? OPEN_ACCESS
      : await FileAccess.open(settings.PERENNIAL_ACCESS, systemClock, logger);
  const tls = await openTls(settings, logger);
  const counts = new RecordCounts(metrics, logger);
  const api = await startApi({
    engine: {
      questions: engine.questions,
      get definitions() {
        return engine.definitions;
      },
      touch: (accounts) => engine.touch(accounts),
      async ingest(batch) {
        const written = await engine.ingest(batch);
        counts.add(written);
        counts.messages(batch);
        return written;
      },
    },
    store,
    decider,
    catalogue: () => catalogue,
    health,
    clock: systemClock,
    log: logger,
    metrics,
    address: settings.PERENNIAL_GRPC,
    access,
    ...(tls === undefined ? {} : { tls }),
    insecure,
    auditLog: settings.PERENNIAL_AUDIT_LOG,
    ...(await httpOption(settings)),
    ...socketOption(settings, logger),
  });
  health.add('note', 'access', () => access.fault());
  health.add('note', 'tls', () => tls?.fault());
  logger.info(
    { address: formatAddress(api.address), tls: tls !== undefined, authentication: access.authenticates },
    'Serving gRPC',
  );
  if (api.http !== undefined) logger.info({ address: formatAddress(api.http) }, 'Serving HTTP with JSON');
  return {
    address: api.address,
    async stop(deadlineMs) {
      await api.stop(deadlineMs);
      counts.flush();
      access.close();
      tls?.close();
    },
  };
}

async function openTls(settings: Settings, logger: Logger): Promise<TlsFiles | undefined> {
  const { PERENNIAL_TLS_CERT: cert, PERENNIAL_TLS_KEY: key, PERENNIAL_TLS_CLIENT_CA: clientCa } = settings;
  if (cert === '' && key === '' && clientCa === '') return undefined;
  if (cert === '' || key === '')
    throw new PerennialError('invalid_argument', 'TLS needs both PERENNIAL_TLS_CERT and PERENNIAL_TLS_KEY.');
  return TlsFiles.open({ cert, key, ...(clientCa === '' ? {} : { clientCa }) }, logger);
}

/** The socket in the data directory, where there is one and its path is one that a socket can have. */
function socketOption(settings: Settings, logger: Logger): { socket?: string } {
  if (settings.CLICKHOUSE_URL !== '') return {};
  const socket = socketOf(settings);
  if (Buffer.byteLength(socket) <= LONGEST_SOCKET_PATH) return { socket };
  logger.warn({ socket }, 'No socket: its path is too long, so commands on this machine need --server');
  return {};
}

/** On this machine the port after that of gRPC, unless the settings say otherwise. */
async function httpOption(settings: Settings): Promise<Pick<ApiOptions, 'http'>> {
  const { PERENNIAL_CONNECT: wanted, PERENNIAL_GRPC, PERENNIAL_CORS_ORIGINS } = settings;
  if (wanted === 'off') return {};
  const origins = PERENNIAL_CORS_ORIGINS.split(',').filter((origin) => origin !== '');
  if (wanted !== '') return { http: { address: wanted, origins } };
  const { host, port } = parseAddress(PERENNIAL_GRPC, 'PERENNIAL_GRPC');
  if (!(await isLoopback(host))) return {};
  return { http: { address: formatAddress({ host, port: port === 0 ? 0 : port + 1 }), origins } };
}
