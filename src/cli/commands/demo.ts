import { Command } from 'commander';
import { PerennialError } from '../../core/errors.js';
import { wholeNumber } from '../arguments.js';
import type { CommandContext } from '../command-context.js';
import { runDemo } from '../demo/run-demo.js';
import { addEngineFlags, type EngineFlags, settingsOf } from '../open-engine.js';

interface Options extends EngineFlags {
  readonly accounts: number;
  readonly seed: number;
  readonly weeks: number;
}

export function demoCommand({ terminal }: CommandContext): Command {
  return addEngineFlags(new Command('demo'))
    .description('simulate a year of a subscription business, ingest, score, decide, and show what came out')
    .option('--accounts <number>', 'customers', wholeNumber, 2_200)
    .option('--seed <number>', 'another seed, another business', wholeNumber, 1)
    .option('--weeks <number>', 'weeks before the present in which everyone is scored, too', wholeNumber, 14)
    .addHelpText(
      'after',
      `
The year ends with the day of the first demo in that data directory; running it again changes nothing. A directory that holds
anything else is left alone.
`,
    )
    .action(async (options: Options) => {
      const settings = settingsOf(terminal, options);
      if (settings.CLICKHOUSE_URL !== '') {
        throw new PerennialError(
          'invalid_argument',
          'The demo runs on the embedded store only: unset CLICKHOUSE_URL.',
        );
      }
      await runDemo(terminal, settings, options);
    });
}
