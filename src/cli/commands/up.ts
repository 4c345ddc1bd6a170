import { Command } from 'commander';
import { PerennialError } from '../../core/errors.js';
import type { Settings } from '../../core/settings.js';
import { SHARED_TTL_MS } from '../../engine/latest-risks.js';
import { checkKafkaSettings } from '../../kafka/client.js';
import { startClickHouseServer } from '../../store/http-server/server.js';
import { readUsers } from '../../store/http-server/users.js';
import { wholeNumber } from '../arguments.js';
import type { CommandContext } from '../command-context.js';
import { watchDoorFiles } from '../door-files.js';
import { addEngineFlags, type EngineFlags, settingsOf } from '../open-engine.js';
import { type Role, runRole } from '../role.js';
import { ingestRole } from '../roles/ingest-role.js';
import { withLiveEngine } from '../roles/live-engine.js';
import { localRole } from '../roles/local-role.js';
import { scoreRole } from '../roles/score-role.js';
import { serveRole } from '../roles/serve-role.js';

interface Options extends EngineFlags {
  readonly clickhousePort?: number;
  readonly users?: string;
  readonly insecure?: boolean;
}

export function upCommand({ terminal }: CommandContext): Command {
  return addEngineFlags(new Command('up'))
    .description('run everything in one process: take signals in, score, decide, answer gRPC')
    .option(
      '--clickhouse-port <port>',
      'also serve the embedded store over HTTP on 127.0.0.1 at this port',
      wholeNumber,
    )
    .option(
      '--users <file>',
      'users file for --clickhouse-port (docs/clickhouse-http.md); without one everyone on this machine may do everything',
    )
    .option('--insecure', 'serve gRPC on a public address without TLS and authentication')
    .addHelpText(
      'after',
      `
Serves gRPC at PERENNIAL_GRPC (127.0.0.1:50051) and health and metrics at PERENNIAL_HTTP (127.0.0.1:9464), until SIGTERM or
SIGINT. With KAFKA_BROKERS it also consumes and publishes there. Rules are reloaded when their files change.

Examples:
  perennial up
  perennial up --clickhouse-port 8123     # then: clickhouse-connect, DBeaver, curl on the same data
`,
    )
    .action(async (options: Options) => {
      const settings = settingsOf(terminal, options);
      if (settings.KAFKA_BROKERS !== '') checkKafkaSettings(settings);
      if (options.clickhousePort !== undefined && settings.CLICKHOUSE_URL !== '') {
        throw new PerennialError(
          'invalid_argument',
          '--clickhouse-port serves the embedded store, and CLICKHOUSE_URL names another one.',
        );
      }
      if (options.users !== undefined && options.clickhousePort === undefined) {
        throw new PerennialError('invalid_argument', '--users is for --clickhouse-port.', {
          hint: 'Give both, or none.',
        });
      }
      // Before anything is opened: a wrong file is reported at once.
      if (options.users !== undefined) readUsers(options.users);
      await runRole('up', settings, terminal, async (role) => {
        const close = await shareStore(role, settings, options.clickhousePort, options.users);
        try {
          await everything(role, options);
        } finally {
          await close();
        }
      });
    });
}

/** All roles on one engine, so that what is scored shows in the next answer. */
async function everything(role: Role, { insecure = false, clickhousePort }: Options): Promise<void> {
  const { KAFKA_BROKERS, SCORE_RESCORE_MINUTES } = role.settings;
  const latestRisks = clickhousePort === undefined ? {} : { latestRisks: { ttlMs: SHARED_TTL_MS } };
  if (KAFKA_BROKERS === '') {
    const fullRescoreEveryMs = SCORE_RESCORE_MINUTES === 0 ? null : SCORE_RESCORE_MINUTES * 60_000;
    await withLiveEngine(role, { fullRescoreEveryMs, ...latestRisks }, (engine) =>
      localRole(role, engine, insecure),
    );
    return;
  }
  await withLiveEngine(role, { fullRescoreEveryMs: null, ...latestRisks }, (engine) =>
    together(role, [ingestRole, (all) => scoreRole(all, engine), (all) => serveRole(all, engine, insecure)]),
  );
}

/** Serves the store that this process holds to others on this machine, when asked to. */
async function shareStore(
  { logger }: Role,
  settings: Settings,
  port: number | undefined,
  usersFile: string | undefined,
): Promise<() => Promise<void>> {
  if (port === undefined) return async () => {};
  const server = await startClickHouseServer({
    path: settings.PERENNIAL_DATA,
    port,
    ...(usersFile === undefined ? {} : { users: readUsers(usersFile) }),
    log: logger,
    logStatements: settings.PERENNIAL_LOG_STATEMENTS,
  });
  const unwatch = await watchDoorFiles(server, { users: usersFile }, logger);
  logger.info({ url: server.url }, 'Serving the store over HTTP');
  return async () => {
    unwatch();
    await server.close();
  };
}

/** Runs roles side by side; when one ends, by itself or by a failure, the others are stopped too. */
async function together(role: Role, works: readonly ((role: Role) => Promise<void>)[]): Promise<void> {
  let starting = works.length;
  const started = () => {
    starting--;
    if (starting === 0) role.started();
  };
  const ended = new AbortController();
  const stopping = AbortSignal.any([role.stopping, ended.signal]);
  const results = await Promise.allSettled(
    works.map((work) => work({ ...role, started, stopping }).finally(() => ended.abort())),
  );
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
