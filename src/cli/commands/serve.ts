import { Command } from 'commander';
import { checkKafkaSettings } from '../../kafka/client.js';
import type { CommandContext } from '../command-context.js';
import { addEngineFlags, type EngineFlags, settingsOf } from '../open-engine.js';
import { runRole } from '../role.js';
import { serveRole } from '../roles/serve-role.js';

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
      await runRole('serve', settings, terminal, (role) => serveRole(role, options.insecure === true));
    });
}
