import { Command, Option } from 'commander';
import { systemClock } from '../../../core/clock.js';
import { PerennialError } from '../../../core/errors.js';
import { fitScorecard } from '../../../fit/fit-scorecard.js';
import { setAsideInWords } from '../../../fit/table/set-aside.js';
import { verdictInWords } from '../../../fit/verdict-in-words.js';
import { scorecardFileSchema } from '../../../scoring/scorecard.js';
import { wholeNumber } from '../../arguments.js';
import type { CommandContext } from '../../command-context.js';
import { addEngineFlags, type EngineFlags } from '../../open-engine.js';
import { printJson } from '../../terminal.js';
import { checkFolderOf } from '../../write-file.js';
import { figures, showFit } from './fit-figures.js';
import { writeFitFiles } from './fit-files.js';
import { inputFromStore } from './fit-from-store.js';
import { inputFromTable, type TableFlags } from './fit-from-table.js';
import { addObservedFlags, type ObservedFlags } from './observed-flags.js';

export interface FitFlags extends EngineFlags, ObservedFlags, TableFlags {
  readonly folds: number;
  readonly across: 'time' | 'accounts';
  readonly predictions?: string;
  readonly out?: string;
  readonly name: string;
  readonly report?: string;
  readonly json?: boolean;
}

/** A model is fitted for each. */
const MOST_FOLDS = 100;

const list = (text: string) => text.split(',').map((name) => name.trim());

export function scorecardFitCommand({ terminal }: CommandContext): Command {
  return addObservedFlags(addEngineFlags(new Command('fit')))
    .description('fit a scorecard to outcomes: to those of the store, or to a table')
    .option('--table <file>', 'CSV with a head, gzipped or not, a row an observation (default: the store)')
    .option(
      '--positive <value>',
      'value of the label that means: not renewed (default: the one that says so)',
    )
    .option('--id <column>', 'what names a row, for --predictions')
    .option('--group <column>', 'rows with the same value are about the same account: never in two folds')
    .option('--time <column>', 'when a row was observed: later rows are then predicted from earlier ones')
    .option('--fold <column>', 'folds as given: rows of each value are predicted from all others')
    .option('--ignore <columns>', 'columns to leave out, with commas between them', list)
    .option('--keep <columns>', 'columns to use although they look like ids or leaks', list)
    .option('--rising <columns>', 'columns with which the risk must never fall', list)
    .option('--falling <columns>', 'columns with which the risk must never rise', list)
    .option('--folds <number>', 'how many folds', wholeNumber, 5)
    .addOption(
      new Option(
        '--across <what>',
        'from the store: predict later contracts from earlier ones, or accounts from other accounts of the same time',
      )
        .choices(['time', 'accounts'])
        .default('time'),
    )
    .option('--predictions <file>', 'write id,label,p,fold of the cross-validated predictions')
    .option('--out <file>', 'write the scorecard')
    .option('--name <name>', 'name of the scorecard', 'fitted')
    .option('--report <file>', 'write a report as one HTML page')
    .addHelpText(
      'after',
      `
From the store: every contract that ended, looked at as of the times that the label declares, with what had arrived by then and
before notice; later ones are predicted from those decided before. From a table: --label is a column, and the columns from
--positive to --falling count. Numbers, dates and texts are recognised by what the cells hold. Ids and columns that know the
outcome already are named and left out. Where the features say no more about the label than chance would, the scorecard gives
everyone the base rate, and says so. docs/scorecards.md explains it all.

Examples:
  perennial scorecard fit --out fitted.yaml --report fit.html
  perennial scorecard fit --table customers.csv --label Churn --positive Yes --id customerID --out fitted.yaml --report fit.html
  perennial scorecard fit --table renewals.csv --label churned --group account_id --time observed_at --json
`,
    )
    .option('--json', 'print one JSON object with the figures')
    .action(async (flags: FitFlags) => {
      const began = systemClock();
      if (flags.folds < 2 || flags.folds > MOST_FOLDS)
        throw new PerennialError('invalid_argument', `--folds is 2 to ${MOST_FOLDS}.`);
      checkName(flags.name);
      for (const file of [flags.out, flags.predictions, flags.report])
        if (file !== undefined) checkFolderOf(file);
      const input =
        flags.table === undefined
          ? await inputFromStore(terminal, flags)
          : inputFromTable(flags.table, flags);
      const fit = fitScorecard(input.table, { ...input.options, foldCount: flags.folds, seed: flags.seed });
      const says = [...verdictInWords(fit), ...input.compare(fit).says];
      const seconds = (systemClock() - began) / 1000;
      writeFitFiles(flags, input, fit, says);
      for (const note of input.notes) terminal.stderr.write(`${note}\n`);
      for (const one of input.setAside)
        if (one.why !== 'ignored') terminal.stderr.write(`left out ${one.column}: ${setAsideInWords(one)}\n`);
      if (flags.json === true) printJson(terminal, { ...figures(fit, input, says), seconds });
      else showFit(terminal, fit, says, flags);
    });
}

function checkName(name: string): void {
  const { success, error } = scorecardFileSchema.shape.name.safeParse(name);
  if (!success) throw new PerennialError('invalid_argument', `--name ${name}: ${error.issues[0]!.message}.`);
}
