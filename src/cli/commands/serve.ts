import { Command } from 'commander';
import { checkKafkaSettings } from '../../kafka/client.js';
import type { CommandContext } from '../command-context.js';
import { addEngineFlags, type EngineFlags, settingsOf } from '../open-engine.js';
import { runRole } from '../role.js';
import { withLiveEngine } from '../roles/live-engine.js';
import { serveRole } from '../roles/serve-role.js';

/** Scorers run elsewhere and don't tell this process: a risk it remembers may be this much out of date. */
const REMEMBER_MS = 500;

interface Options extends EngineFlags {
  readonly insecure?: boolean;
}

export function serveCommand({ terminal }: CommandContext): Command {
  return addEngineFlags(new Command('serve'))
    .description('run the serve role: answer gRPC beside scorers that run elsewhere')
    .option('--insecure', 'serve on a public address without TLS and authentication')
    .addHelpText(
      'after',
      `
Example:
  KAFKA_BROKERS=localhost:9092 CLICKHOUSE_URL=http://localhost:8123/perennial perennial serve
`,
    )
    .action(async (options: Options) => {
      const settings = settingsOf(terminal, options);
      checkKafkaSettings(settings);
      await runRole('serve', settings, terminal, (role) =>
        withLiveEngine(
          role,
          { decides: false, fullRescoreEveryMs: null, latestRisks: { ttlMs: REMEMBER_MS } },
          (engine) => serveRole(role, engine, options.insecure === true),
        ),
      );
    });
}
