import { join } from 'node:path';
import { FileAccess, OPEN_ACCESS } from '../../access/access-control.js';
import { type ApiOptions, type ApiServer, startApi } from '../../api/server.js';
import { TlsFiles } from '../../api/transport/tls-files.js';
import { formatAddress } from '../../core/address.js';
import { systemClock } from '../../core/clock.js';
import { PerennialError } from '../../core/errors.js';
import type { Settings } from '../../core/settings.js';
import type { Logger } from '../../telemetry/log.js';
import { readCatalogueFile } from '../catalogue-file.js';
import type { Role } from '../role.js';

/** Where a process that serves the API can be asked by commands on the same machine. */
export function socketOf(settings: Settings): string {
  return join(settings.PERENNIAL_DATA, 'perennial.sock');
}

/**
 * Serves the API as the settings say, and at the socket in the data directory, until `stop`. Files of access and TLS are read again
 * when they change; what is wrong with a changed one stands in the details of health.
 */
export async function serveApi(
  { settings, logger, health, metrics }: Role,
  engine: ApiOptions['engine'],
  insecure: boolean,
): Promise<ApiServer> {
  const catalogue = readCatalogueFile(settings.PERENNIAL_SCORING);
  const access =
    settings.PERENNIAL_ACCESS === ''
      ? OPEN_ACCESS
      : await FileAccess.open(settings.PERENNIAL_ACCESS, systemClock, logger);
  const tls = await openTls(settings, logger);
  const api = await startApi({
    engine,
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
    socket: socketOf(settings),
  });
  health.add('note', 'access', () => access.fault());
  health.add('note', 'tls', () => tls?.fault());
  logger.info(
    { address: formatAddress(api.address), tls: tls !== undefined, authentication: access.authenticates },
    'Serving gRPC',
  );
  return {
    address: api.address,
    async stop(deadlineMs) {
      await api.stop(deadlineMs);
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
