import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { PerennialError } from '../../core/errors.js';
import type { Store } from '../../store/store.js';
import type { CommandContext } from '../command-context.js';
import { addStoreFlags, type StoreFlags, settingsOf, withStore } from '../open-engine.js';

interface Options extends StoreFlags {
  readonly format?: string;
  readonly json?: boolean;
}

export function sqlCommand({ terminal }: CommandContext): Command {
  return addStoreFlags(new Command('sql'))
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
Views for data teams: signals, subscriptions, subscription_history, outcomes, rejected_signals, risks, risk_history,
decisions, decision_history, suppressions. docs/sql.md describes them.

Examples:
  perennial sql "SELECT currency, band, count(), sum(arr_minor) FROM risks GROUP BY currency, band"
  perennial sql "SELECT type, count() FROM signals GROUP BY type ORDER BY 2 DESC" --json
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
      if (!/^[A-Za-z]+$/.test(format))
        throw new PerennialError('invalid_argument', `${format} is not the name of a format.`);
      const text = await withStore(settingsOf(terminal, options), (store) => answer(store, query, format));
      terminal.stdout.write(text);
    });
}

/** What the engine refuses is the query's fault, not ours. */
async function answer(store: Store, query: string, format: string): Promise<string> {
  try {
    return await store.readOnly(query, format);
  } catch (thrown) {
    const error = PerennialError.from(thrown);
    if (error.code !== 'internal') throw error;
    throw new PerennialError('invalid_argument', error.message, {
      hint: 'This command only reads; `perennial sql --help` lists the views.',
      cause: thrown,
    });
  }
}
