import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { PerennialError } from '../../core/errors.js';
import type { CommandContext } from '../command-context.js';
import { onStopRequest } from '../interrupt.js';
import { addReadFlags, type StoreFlags, settingsOf, withStore } from '../open-engine.js';
import { writeAll } from '../terminal.js';

interface Options extends StoreFlags {
  readonly format?: string;
  readonly json?: boolean;
}

export function sqlCommand({ terminal }: CommandContext): Command {
  return addReadFlags(new Command('sql'))
    .description('run one read-only SQL query on the store')
    .argument('<query>', 'the query; "-" reads it from stdin')
    .option(
      '--format <name>',
      'any ClickHouse format (default: PrettyCompact on a terminal, else TabSeparatedWithNames)',
    )
    .option('--json', 'one JSON object a line')
    .addHelpText(
      'after',
      `
Results are streamed as they come, of any size and in any format. Views for data teams: risks, risk_history,
features_current, subscriptions, renewals, retention, decisions, decisions_by_rule, signals, outcomes and others. docs/sql.md
describes them, and so do their comments. For a warehouse: perennial export.

Examples:
  perennial sql "SELECT currency, band, count(), sum(arr) AS arr FROM risks GROUP BY currency, band"
  perennial sql "SELECT type, count() FROM signals GROUP BY type ORDER BY 2 DESC" --json
  perennial sql "SELECT * FROM risks" --format Parquet > risks.parquet
`,
    )
    .action(async (argument: string, options: Options) => {
      const query = (argument === '-' ? readFileSync(0, 'utf8') : argument).trim().replace(/;\s*$/, '');
      if (query === '') throw new PerennialError('invalid_argument', 'The query is empty.');
      const format =
        options.json === true
          ? 'JSONEachRow'
          : (options.format ??
            (terminal.colors.isColorSupported ? 'PrettyCompact' : 'TabSeparatedWithNames'));
      if (!/^\w+$/.test(format))
        throw new PerennialError('invalid_argument', `${format} is not the name of a format.`);
      const stop = new AbortController();
      const ignore = onStopRequest(() => stop.abort());
      try {
        await withStore(settingsOf(terminal, options), (store) =>
          writeAll(terminal.stdout, store.stream(query, format, { signal: stop.signal })),
        );
      } finally {
        ignore();
      }
    });
}
