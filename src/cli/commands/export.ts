import { Command, Option } from 'commander';
import { PerennialError } from '../../core/errors.js';
import { exportView } from '../../store/view-export.js';
import { wholeNumber } from '../arguments.js';
import type { CommandContext } from '../command-context.js';
import { untilStopped } from '../interrupt.js';
import { addStoreFlags, type StoreFlags, settingsOf, withStore } from '../open-engine.js';
import { print, printJson } from '../terminal.js';

interface Options extends StoreFlags {
  readonly out: string;
  readonly format: string;
  readonly by: 'day' | 'month';
  readonly settle: number;
  readonly json?: boolean;
}

export function exportCommand({ terminal }: CommandContext): Command {
  return addStoreFlags(new Command('export'))
    .description('write a view into files for a warehouse; the next run adds what was stored since')
    .argument('<view>', 'a view, such as signals or risks; docs/sql.md describes them')
    .requiredOption('--out <dir>', 'directory; a folder of the view is made in it')
    .option('--format <name>', 'any ClickHouse format', 'Parquet')
    .addOption(
      new Option('--by <part>', 'a file for each day or month of stored_at')
        .choices(['day', 'month'])
        .default('month'),
    )
    .option('--settle <seconds>', 'leave rows that are younger for the next run', wholeNumber, 60)
    .option('--json', 'one JSON object a file')
    .addHelpText(
      'after',
      `
Views with a column stored_at are exported piece by piece: <dir>/<view>/<month>/ gets a new file, complete files never change, and
cursor.json says how far they reach. A row that was corrected comes again, with a later stored_at; what was retracted comes with
signal_versions and the like. Other views, and subscriptions, are one file, which is replaced.

Examples:
  perennial export signals --out exports
  perennial export risks --format CSVWithNames --out exports
`,
    )
    .action(async (view: string, options: Options) => {
      if (!/^\w+$/.test(options.format))
        throw new PerennialError('invalid_argument', `${options.format} is not the name of a format.`);
      await withStore(settingsOf(terminal, options), (store) =>
        untilStopped('The export', async (signal) => {
          const { out: directory, format, by, settle: settleSeconds } = options;
          let files = 0;
          for await (const done of exportView(store, {
            view,
            directory,
            format,
            by,
            settleSeconds,
            signal,
          })) {
            files++;
            if (options.json === true) printJson(terminal, done);
            else print(terminal, `${done.file}: ${done.rows.toLocaleString('en-US')} rows`);
          }
          if (files === 0 && options.json !== true)
            print(terminal, 'Nothing was stored since the last export.');
        }),
      );
    });
}
