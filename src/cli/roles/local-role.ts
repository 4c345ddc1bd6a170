import { startApi } from '../../api/server.js';
import { formatAddress } from '../../core/address.js';
import { systemClock } from '../../core/clock.js';
import { PerennialError } from '../../core/errors.js';
import type { Engine } from '../../engine/engine.js';
import { readCatalogueFile } from '../catalogue-file.js';
import type { Role } from '../role.js';
import { stopped } from './serve-role.js';

/**
 * All three roles in one process without Kafka: signals come in over gRPC, touched accounts are scored at once, everyone at
 * the start and from time to time, and questions are answered from the beginning. Runs until asked to stop; then calls under
 * way end.
 */
export async function localRole(
  { settings, logger, health, started, stopping }: Role,
  engine: Engine,
  insecure: boolean,
): Promise<void> {
  const catalogue = readCatalogueFile(settings.PERENNIAL_SCORING);
  const api = await startApi({
    engine,
    catalogue: () => catalogue,
    health,
    clock: systemClock,
    log: logger,
    address: settings.PERENNIAL_GRPC,
    insecure,
  });
  logger.info({ address: formatAddress(api.address) }, 'Serving gRPC');
  health.add('ready', 'score', () => engine.notReady());
  started();
  try {
    engine.start().then(
      (summary) => logger.info({ ...summary }, 'Scored everyone'),
      (thrown) =>
        logger.error(
          { error: PerennialError.from(thrown) },
          'Everyone could not be scored; the next turn tries again',
        ),
    );
    await stopped(stopping);
  } finally {
    await api.stop();
  }
}
