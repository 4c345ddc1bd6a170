import { startApi } from '../../api/server.js';
import { formatAddress } from '../../core/address.js';
import { systemClock } from '../../core/clock.js';
import { PerennialError } from '../../core/errors.js';
import { loadDefinitions } from '../../engine/definitions.js';
import { Engine } from '../../engine/engine.js';
import { readCatalogueFile } from '../catalogue-file.js';
import type { Role } from '../role.js';
import { watchRules } from '../rule-reload.js';
import { stopped } from './serve-role.js';

export interface LocalOptions {
  /** Serve gRPC on a public address without TLS and authentication. */
  readonly insecure: boolean;
  /** Others can write to the store of this process. */
  readonly shared: boolean;
}

/**
 * All three roles in one process without Kafka: signals come in over gRPC, touched accounts are scored at once, everyone at
 * the start and from time to time, and questions are answered from the beginning. Runs until asked to stop; then calls under
 * way end, and what was touched is scored first.
 */
export async function localRole(role: Role, { insecure, shared }: LocalOptions): Promise<void> {
  const { settings, logger, store, health, stopping } = role;
  const definitions = await loadDefinitions(store, settings.PERENNIAL_SCORING, settings.PERENNIAL_RULES);
  const catalogue = readCatalogueFile(settings.PERENNIAL_SCORING);
  const fullRescoreEveryMs =
    settings.SCORE_RESCORE_MINUTES === 0 ? null : settings.SCORE_RESCORE_MINUTES * 60_000;
  const engine = new Engine({
    store,
    definitions,
    clock: systemClock,
    log: logger,
    fullRescoreEveryMs,
    ...(shared ? { latestRisks: { ttlMs: 2_000 } } : {}),
  });
  const unwatch = await watchRules(role, engine);
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
    await unwatch();
    await engine.stop();
  }
}
