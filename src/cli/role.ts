import { systemClock } from '../core/clock.js';
import type { Settings } from '../core/settings.js';
import type { FeedOptions } from '../kafka/feed/feed-options.js';
import type { Store } from '../store/store.js';
import { StoreWatch } from '../store/store-watch.js';
import { Health } from '../telemetry/health.js';
import { serveTelemetry, type TelemetryServer } from '../telemetry/http.js';
import { createLogger, type Logger } from '../telemetry/log.js';
import { createMetrics, type Metrics, watchProcess } from '../telemetry/metrics.js';
import { onStopRequest } from './interrupt.js';
import { openMigratedStore } from './open-engine.js';
import type { Terminal } from './terminal.js';

/** When all is closed, whatever still keeps the process alive is given this long. */
const LEAVE_MS = 2_000;

/** What every long-running role has. */
export interface Role {
  readonly settings: Settings;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly store: Store;
  /** To be called once the role does its work, or has its own checks in `health`: until then it is not ready. */
  readonly started: () => void;
  /** Aborts on SIGTERM and SIGINT; the work then finishes what is under way. */
  readonly stopping: AbortSignal;
}

/**
 * Runs a role until it ends or is asked to stop: opens and migrates the store, serves health and metrics, and lets go of
 * everything in the end. A signal that comes more than a second after the first ends the process at once.
 */
export async function runRole(
  name: string,
  settings: Settings,
  terminal: Terminal,
  work: (role: Role) => Promise<void>,
): Promise<void> {
  const logger = createLogger(settings.PERENNIAL_LOG_LEVEL, terminal.stderr).child({ role: name });
  const metrics = createMetrics();
  watchProcess(metrics);
  const health = new Health();
  const stopping = new AbortController();
  const ignore = onStopRequest((signal) => {
    logger.info({ signal }, 'Stopping: finishing what is under way');
    stopping.abort();
  });
  let store: Store | undefined;
  let server: TelemetryServer | undefined;
  let watch: StoreWatch | undefined;
  const started = health.add('ready', 'start', () => 'The process is still starting.');
  try {
    store = await openMigratedStore(settings);
    watch = new StoreWatch(store, systemClock);
    watch.start();
    health.add('ready', 'store', () => watch?.notReady());
    if (settings.PERENNIAL_HTTP !== '') {
      server = await serveTelemetry(settings.PERENNIAL_HTTP, health, metrics);
      logger.info({ port: server.port }, 'Serving /livez, /readyz and /metrics');
    }
    await work({ settings, logger, metrics, health, store, started, stopping: stopping.signal });
  } finally {
    watch?.stop();
    await server?.close();
    await store?.close();
    ignore();
    // A Kafka client that hung on a broken connection holds on to its sockets, and those would hold on to the process.
    setTimeout(() => process.exit(), LEAVE_MS).unref();
  }
}

/** The part of a feed's options that settings give, the same for every role. */
export function feedSettings(
  settings: Settings,
): Pick<FeedOptions<unknown>, 'sessionMs' | 'rebalanceMs' | 'stuckMs' | 'poison'> {
  return {
    sessionMs: settings.KAFKA_SESSION_MS,
    rebalanceMs: settings.KAFKA_REBALANCE_MS,
    stuckMs: settings.KAFKA_STUCK_MS,
    poison: {
      ratio: settings.KAFKA_POISON_RATIO,
      window: settings.KAFKA_POISON_WINDOW,
      run: settings.KAFKA_POISON_RUN,
    },
  };
}
