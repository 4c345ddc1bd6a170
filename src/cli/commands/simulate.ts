import { Command, InvalidArgumentError } from 'commander';
import { DateTime } from 'luxon';
import { DEFAULT_END } from '../../simulate/model.js';
import { simulate } from '../../simulate/simulate.js';
import { SIMULATION_FILES, type SimulationCounts, writeSimulation } from '../../simulate/write-files.js';
import type { CommandContext } from '../program.js';
import { print, printJson, printTable, type Terminal } from '../terminal.js';

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
    .option('--seed <number>', 'another seed, another business', whole, 1)
    .option('--accounts <number>', 'customers, from 1', whole, 2_200)
    .option('--days <number>', 'days before the end', whole, 365)
    .option('--end <date>', 'first day no longer simulated (UTC)', date, DEFAULT_END)
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
      const counts = await writeSimulation(simulation, out, progressOn(terminal));
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

/** On a terminal one line that is redrawn at every percent; elsewhere a line at every quarter. */
function progressOn(terminal: Terminal): (done: number, counts: SimulationCounts) => void {
  const step = terminal.interactive ? 0.01 : 0.25;
  let next = step;
  return (done, { signals }) => {
    if (done < next) return;
    while (next <= done) next += step;
    const text = `Simulating: ${Math.floor(done * 100)} %, ${signals.toLocaleString('en-US')} signals`;
    const [before, after] = terminal.interactive ? ['\r', done >= 1 ? '\n' : ''] : ['', '\n'];
    terminal.stderr.write(`${before}${text}${after}`);
  };
}

function whole(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

function date(text: string): number {
  const parsed = DateTime.fromISO(text, { zone: 'utc' });
  if (!parsed.isValid) throw new InvalidArgumentError('It must be a date such as 2026-01-01.');
  return parsed.toMillis();
}
