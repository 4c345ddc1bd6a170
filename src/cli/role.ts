import { steadyClock } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import type { Settings } from '../core/settings.js';
import { unreadSettings } from '../core/unread-settings.js';
import { BrokerWatch } from '../kafka/broker-watch.js';
import { brokersOf, watchingKafka } from '../kafka/client.js';
import type { FeedOptions } from '../kafka/feed/feed-options.js';
import { isLow } from '../store/disk-space.js';
import { DiskWatch } from '../store/disk-watch.js';
import { applyRetention } from '../store/retention.js';
import { SchemaWatch } from '../store/schema-watch.js';
import type { Store } from '../store/store.js';
import { StoreWatch } from '../store/store-watch.js';
import { Health } from '../telemetry/health.js';
import { HeapWatch } from '../telemetry/heap-watch.js';
import { serveTelemetry, type TelemetryServer } from '../telemetry/http.js';
import { createLogger, type Logger } from '../telemetry/log.js';
import { createMetrics, type Metrics, watchProcess } from '../telemetry/metrics.js';
import { OutageLog } from '../telemetry/outage-log.js';
import { EXIT } from './exit-codes.js';
import { onStopRequest } from './interrupt.js';
import { keptBy } from './kept.js';
import { openMigratedStore } from './open-engine.js';
import { ReportedError } from './reported-error.js';
import { StartWaits } from './start-waits.js';
import type { Terminal } from './terminal.js';

/** When all is closed, whatever still keeps the process alive is given this long. */
const LEAVE_MS = 2_000;
/** How often it is looked whether store and brokers answer, for the log. */
const LOOK_MS = 1_000;

/** What every long-running role has. */
export interface Role {
  readonly settings: Settings;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly store: Store;
  /** Whether brokers answer; undefined without Kafka. */
  readonly brokers: BrokerWatch | undefined;
  /** How what has to be there before the work can begin is waited for. */
  readonly waits: StartWaits;
  /** To be called once the role does its work, or has its own checks in `health`: until then it is not ready. */
  readonly started: () => void;
  /** Aborts after SIGTERM and SIGINT, and what PERENNIAL_DRAIN_MS says; the work then finishes what it has begun. */
  readonly stopping: AbortSignal;
}

/**
 * Runs a role until it ends or is asked to stop: serves health and metrics from the first moment, waits for the store, migrates it,
 * and lets go of everything in the end. On a signal readiness fails at once, and the work is asked to stop after
 * PERENNIAL_DRAIN_MS, so that who sends traffic has noticed by then. A signal that comes more than a second after the first ends
 * the process at once.
 */
export async function runRole(
  name: string,
  settings: Settings,
  terminal: Terminal,
  work: (role: Role) => Promise<void>,
): Promise<void> {
  const logger = createLogger(settings.PERENNIAL_LOG_LEVEL, terminal.stderr).child({ role: name });
  for (const unread of unreadSettings(terminal.env)) logger.warn(unread);
  const metrics = createMetrics();
  watchProcess(metrics);
  const heap = new HeapWatch(
    logger,
    name === 'ingest' ? 'INGEST_BATCH_ROWS, INGEST_BATCH_BYTES or INGEST_IN_FLIGHT' : '',
  );
  heap.start();
  const health = new Health();
  const stopping = new AbortController();
  const ignore = onStopRequest((signal) => {
    logger.info({ signal, drainMs: settings.PERENNIAL_DRAIN_MS }, 'Stopping: finishing what was begun');
    health.add('ready', 'stopping', () => 'The process is stopping.');
    setTimeout(() => stopping.abort(), settings.PERENNIAL_DRAIN_MS);
  });
  const defect = (error: unknown) => {
    logger.fatal({ error }, 'A defect ended the process');
    process.exit(EXIT.internal);
  };
  process.on('uncaughtException', defect);
  const closing: (() => Promise<unknown>)[] = [];
  // Why the tables are not fit for this program any more.
  let unfit: PerennialError | undefined;
  try {
    const waits = new StartWaits(logger, stopping.signal);
    const started = health.add(
      'ready',
      'start',
      () => `The process is still starting.${waits.reason === undefined ? '' : ` ${waits.reason}`}`,
    );
    if (settings.PERENNIAL_HTTP !== '') {
      const server: TelemetryServer = await serveTelemetry(settings.PERENNIAL_HTTP, health, metrics);
      closing.unshift(() => server.close());
      logger.info({ port: server.port }, 'Serving /livez, /readyz and /metrics');
    }
    const brokers = watchBrokers(settings);
    if (brokers !== undefined) closing.unshift(() => brokers.stop());
    const store = await waits.until('the store', () => openMigratedStore(settings));
    closing.push(() => store.close());
    const watch = new StoreWatch(store, steadyClock);
    watch.start();
    closing.unshift(async () => watch.stop());
    health.add('ready', 'store', () => watch.notReady());
    const schema = new SchemaWatch(store, (error) => {
      unfit = error;
      stopping.abort();
    });
    schema.start();
    health.add('ready', 'schema', () => unfit?.message);
    closing.unshift(async () => schema.stop());
    const kept = await waits.until('the store', () => applyRetention(store, keptBy(settings)));
    if (kept.length > 0) logger.info({ tables: kept }, 'Retention changed: the engine removes what is older');
    const disks = watchDisks(store, settings, metrics);
    closing.unshift(async () => disks.stop());
    health.add('note', 'disk', () => disks.fault());
    const looking = logOutages(logger, watch, brokers);
    closing.unshift(async () => clearInterval(looking));
    await work({
      settings,
      logger,
      metrics,
      health,
      store,
      brokers,
      waits,
      started,
      stopping: stopping.signal,
    });
    if (unfit !== undefined) throw unfit;
  } catch (thrown) {
    const error = unfit ?? PerennialError.from(thrown);
    if (error.code === 'cancelled' && stopping.signal.aborted) return;
    const { code, hint } = error;
    // A stack is for those who mend the program; who runs it needs the sentence.
    logger.error({ code, hint, ...(code === 'internal' ? { error } : {}) }, error.message);
    throw new ReportedError(error);
  } finally {
    for (const close of closing) await close();
    heap.stop();
    ignore();
    process.off('uncaughtException', defect);
    // A Kafka client that hung on a broken connection holds on to its sockets, and those would hold on to the process.
    setTimeout(() => process.exit(), LEAVE_MS).unref();
  }
}

function watchBrokers(settings: Settings): BrokerWatch | undefined {
  if (brokersOf(settings).length === 0) return undefined;
  const watch = new BrokerWatch(watchingKafka(settings), steadyClock);
  watch.start();
  return watch;
}

/** Looks at the store's disks, for health, metrics and alarms. */
function watchDisks(store: Store, settings: Settings, metrics: Metrics): DiskWatch {
  const least = settings.PERENNIAL_DISK_FREE_PERCENT;
  const watch = new DiskWatch(store, least, (disks, tables) => {
    for (const disk of disks) {
      metrics.storeDiskFree.set({ disk: disk.name }, disk.freeBytes);
      metrics.storeDiskTotal.set({ disk: disk.name }, disk.totalBytes);
      metrics.storeDiskLow.set({ disk: disk.name }, isLow(disk, least) ? 1 : 0);
    }
    for (const { table, bytes } of tables) metrics.storeTableBytes.set({ table }, bytes);
  });
  watch.start();
  return watch;
}

/** One warning when the store or the brokers stop answering, and one line when they are back. */
function logOutages(logger: Logger, store: StoreWatch, brokers: BrokerWatch | undefined): NodeJS.Timeout {
  const outage = (what: string) =>
    new OutageLog(logger, {
      begin: `${what} does not answer; work goes on when it does`,
      end: `${what} answers again`,
    });
  const logs = [
    { log: outage('The store'), fault: () => store.notReady() },
    { log: outage('Kafka'), fault: () => brokers?.fault() },
  ];
  const look = () => {
    for (const { log, fault } of logs) {
      const reason = fault();
      if (reason === undefined) log.recovered();
      else log.failed(new PerennialError('unavailable', reason));
    }
  };
  return setInterval(look, LOOK_MS).unref();
}

/** The part of a feed's options that settings give, the same for every role. */
export function feedSettings(
  settings: Settings,
  brokers: BrokerWatch | undefined,
): Pick<FeedOptions<unknown>, 'sessionMs' | 'rebalanceMs' | 'stuckMs' | 'poison' | 'brokerState'> {
  return {
    sessionMs: settings.KAFKA_SESSION_MS,
    rebalanceMs: settings.KAFKA_REBALANCE_MS,
    stuckMs: settings.KAFKA_STUCK_MS,
    poison: {
      ratio: settings.KAFKA_POISON_RATIO,
      window: settings.KAFKA_POISON_WINDOW,
      run: settings.KAFKA_POISON_RUN,
    },
    ...(brokers === undefined ? {} : { brokerState: brokers }),
  };
}
