import { PerennialError } from '../../core/errors.js';
import { localDecider } from '../../engine/decider.js';
import type { Engine } from '../../engine/engine.js';
import { RecordSettler } from '../../ingest/record-settler.js';
import type { Role } from '../role.js';
import { serveApi } from './serve-api.js';
import { stopped } from './serve-role.js';

/**
 * All three roles in one process without Kafka: signals come in over gRPC, touched accounts are scored at once, everyone at
 * the start and from time to time, and questions are answered from the beginning. Runs until asked to stop; then calls under
 * way end.
 */
export async function localRole(role: Role, engine: Engine, insecure: boolean): Promise<void> {
  const { logger, metrics, health, store, started, stopping } = role;
  const api = await serveApi(role, engine, localDecider(engine), insecure);
  health.add('ready', 'score', () => engine.notReady());
  const settler = new RecordSettler(
    store,
    async (accounts) => void (await engine.rescoreAccounts([...accounts].sort())),
    metrics,
    logger,
  );
  settler.start();
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
    await settler.stop();
  }
}
