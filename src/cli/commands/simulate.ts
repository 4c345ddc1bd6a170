import { Command, Option } from 'commander';
import { DEFAULT_END } from '../../simulate/model.js';
import { simulate } from '../../simulate/simulate.js';
import { SIMULATION_FILES, type SimulationCounts, writeSimulation } from '../../simulate/write-files.js';
import { time, wholeNumber } from '../arguments.js';
import type { CommandContext } from '../command-context.js';
import { progress } from '../progress.js';
import { print, printJson, printTable } from '../terminal.js';

interface Options {
  readonly seed: number;
  readonly accounts: number;
  readonly days: number;
  readonly end: number;
  readonly out: string;
  readonly json?: boolean;
}

export function simulateCommand({ terminal }: CommandContext): Command {
  return new Command('simulate')
    .description('write the signals of a simulated subscription business, and the truth about it')
    .requiredOption('--out <dir>', 'directory for the files; files of an earlier run are replaced')
    .option('--seed <number>', 'another seed, another business', wholeNumber, 1)
    .option('--accounts <number>', 'customers, from 1', wholeNumber, 2_200)
    .option('--days <number>', 'days before the end', wholeNumber, 365)
    .addOption(
      new Option('--end <date>', 'first day no longer simulated (UTC)')
        .argParser(time)
        .default(DEFAULT_END, new Date(DEFAULT_END).toISOString().slice(0, 10)),
    )
    .option('--json', 'print the counts as JSON')
    .addHelpText(
      'after',
      `
Writes signals.ndjson (in order of arrival, some late, some twice), subscriptions.ndjson, outcomes.ndjson, and
truth.ndjson: the cause, its onset, the hazard and the true renewal probability of every term.
The same flags give the same bytes on every machine. docs/simulator.md explains the model.

Example:
  perennial simulate --seed 7 --accounts 200 --days 180 --out ./simulated
`,
    )
    .action(async (options: Options) => {
      const { seed, accounts, days, end, out } = options;
      const simulation = simulate({ seed, accounts, days, end });
      const tell = progress(terminal, 'Simulating');
      const counts = await writeSimulation(simulation, out, (done, { signals }) =>
        tell(done, `${signals.toLocaleString('en-US')} signals`),
      );
      if (options.json === true) {
        printJson(terminal, {
          seed,
          accounts,
          days,
          end: new Date(end).toISOString(),
          out,
          lines: counts,
        });
        return;
      }
      print(
        terminal,
        `Simulated ${accounts.toLocaleString('en-US')} accounts over ${days} days into ${out}:`,
      );
      printTable(
        terminal,
        ['file', 'lines'],
        (Object.keys(SIMULATION_FILES) as (keyof SimulationCounts)[]).map((key) => [
          SIMULATION_FILES[key],
          counts[key],
        ]),
      );
    });
}
