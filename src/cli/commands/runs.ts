import { Command } from 'commander';
import { PerennialError } from '../../core/errors.js';
import { groupBy } from '../../core/group-by.js';
import { BANDS } from '../../scoring/scorecard.js';
import { dropRun, isRunBegun, type RunPass, readRunPasses } from '../../store/run-log.js';
import type { CommandContext } from '../command-context.js';
import { withTimes } from '../json-times.js';
import { addStoreFlags, type StoreFlags, settingsOf, withStore, withStoreToWrite } from '../open-engine.js';
import { print, printJson, printTable } from '../terminal.js';

interface Options extends StoreFlags {
  readonly json?: boolean;
}

/** `perennial runs`: what-ifs that were kept under a name. */
export function runsCommand({ terminal }: CommandContext): Command {
  const json = (pass: RunPass): void => printJson(terminal, withTimes(pass, 'asOf', 'knownAt', 'ranAt'));
  const day = (at: number): string => new Date(at).toISOString().slice(0, 10);

  const list = addStoreFlags(new Command('list'))
    .description('list the runs that are kept')
    .option('--json', 'one JSON object a line, one for each pass')
    .action(async (options: Options) => {
      const passes = await withStore(settingsOf(terminal, options), (store) => readRunPasses(store));
      if (options.json === true) {
        passes.forEach(json);
        return;
      }
      if (passes.length === 0) {
        print(terminal, 'No run is kept. perennial score --all --as-of 2026-01-01 --run NAME keeps one.');
        return;
      }
      printTable(
        terminal,
        ['run', 'passes', 'from', 'to', 'subscriptions', 'opened', 'rules', 'scoring', 'ran'],
        [...groupBy(passes, ({ run }) => run)].map(([run, of]) => [
          run,
          of.length,
          day(of[0]!.asOf),
          day(of.at(-1)!.asOf),
          of.at(-1)!.subscriptions,
          of.reduce((sum, { opened }) => sum + opened, 0),
          of.at(-1)!.rulesRevision,
          of.at(-1)!.scoringRevision,
          day(of.at(-1)!.ranAt),
        ]),
      );
    });

  const show = addStoreFlags(new Command('show'))
    .description('show the passes of a run')
    .argument('<run>', 'name of the run')
    .option('--json', 'one JSON object a line, one for each pass')
    .action(async (run: string, options: Options) => {
      const passes = await withStore(settingsOf(terminal, options), (store) => readRunPasses(store, run));
      if (passes.length === 0) throw unknownRun(run);
      if (options.json === true) {
        passes.forEach(json);
        return;
      }
      printTable(
        terminal,
        ['as of', 'known at', 'subscriptions', ...BANDS, 'opened', 'closed', 'suppressed'],
        passes.map((pass) => [
          new Date(pass.asOf).toISOString(),
          pass.knownAt === null ? 'everything' : new Date(pass.knownAt).toISOString(),
          pass.subscriptions,
          ...BANDS.map((band) => pass.bands[band] ?? 0),
          pass.opened,
          pass.closed,
          pass.suppressed,
        ]),
      );
    });

  const drop = addStoreFlags(new Command('drop'))
    .description('forget a run with its risks and decisions')
    .argument('<run>', 'name of the run')
    .action(async (run: string, options: Options) => {
      await withStoreToWrite(settingsOf(terminal, options), async (store) => {
        if (!(await isRunBegun(store, run))) throw unknownRun(run);
        await dropRun(store, run);
      });
      print(terminal, `Dropped ${run}.`);
    });

  return new Command('runs')
    .description('list, show and drop what-ifs that were kept under a name')
    .addCommand(list, { isDefault: true })
    .addCommand(show)
    .addCommand(drop)
    .addHelpText(
      'after',
      `
perennial score --all --as-of … --run NAME keeps one. SQL has runs, run_risks and run_decisions.

Examples:
  perennial runs list
  perennial runs show autumn
`,
    );
}

function unknownRun(run: string): PerennialError {
  return new PerennialError('not_found', `There is no run ${run}.`, {
    hint: 'perennial runs list names them.',
  });
}
