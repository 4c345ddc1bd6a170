import { writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { Command } from 'commander';
import { systemClock } from '../../../core/clock.js';
import { PerennialError } from '../../../core/errors.js';
import { cardFile } from '../../../fit/card-file.js';
import { fitScorecard, type ScorecardFit } from '../../../fit/fit-scorecard.js';
import { reportPage } from '../../../fit/report/report.js';
import { readCsv } from '../../../fit/table/read-csv.js';
import { type TableSource, tableSource } from '../../../fit/table/table-source.js';
import type { Direction } from '../../../fit/training-table.js';
import { verdictInWords } from '../../../fit/verdict-in-words.js';
import { wholeNumber } from '../../arguments.js';
import type { CommandContext } from '../../command-context.js';
import { print, printJson, printTable, type Terminal } from '../../terminal.js';

interface Options {
  readonly table: string;
  readonly label: string;
  readonly positive?: string;
  readonly id?: string;
  readonly group?: string;
  readonly time?: string;
  readonly fold?: string;
  readonly ignore?: readonly string[];
  readonly keep?: readonly string[];
  readonly rising?: readonly string[];
  readonly falling?: readonly string[];
  readonly folds: number;
  readonly seed: number;
  readonly predictions?: string;
  readonly out?: string;
  readonly name: string;
  readonly report?: string;
  readonly json?: boolean;
}

const list = (text: string) => text.split(',').map((name) => name.trim());

export function scorecardFitCommand({ terminal }: CommandContext): Command {
  return new Command('fit')
    .description('fit a scorecard to a table of observations and their outcomes')
    .requiredOption('--table <file>', 'CSV with a head, gzipped or not; a row an observation')
    .requiredOption('--label <column>', 'what happened')
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
    .option('--seed <number>', 'what folds and intervals are drawn with', wholeNumber, 1)
    .option('--predictions <file>', 'write id,label,p,fold of the cross-validated predictions')
    .option('--out <file>', 'write the scorecard')
    .option('--name <name>', 'name of the scorecard', 'fitted')
    .option('--report <file>', 'write a report as one HTML page')
    .option('--json', 'print one JSON object with the figures')
    .addHelpText(
      'after',
      `
Numbers, dates and texts are told apart by what the cells hold. Ids and columns that know the outcome already are named and left
out. Missing values and rare texts get bins of their own. Where the features say no more about the label than chance would, the
scorecard gives everyone the base rate, and says so. docs/scorecards.md explains it all.

Examples:
  perennial scorecard fit --table customers.csv --label Churn --positive Yes --id customerID --out fitted.yaml --report fit.html
  perennial scorecard fit --table renewals.csv --label churned --group account_id --time observed_at --json
`,
    )
    .action((options: Options) => {
      const began = systemClock();
      if (options.folds < 2) throw new PerennialError('invalid_argument', '--folds is 2 or more.');
      const source = tableSource(readCsv(options.table), { ...options, directions: directionsOf(options) });
      const fit = fitScorecard(source.table, {
        groups: source.groups,
        times: source.times,
        folds: source.folds,
        foldCount: options.folds,
        seed: options.seed,
      });
      const seconds = (systemClock() - began) / 1000;
      writeFiles(options, source, fit);
      for (const { column, why, detail } of source.setAside)
        if (why !== 'ignored') terminal.stderr.write(`left out ${column}: ${why}, ${detail}\n`);
      if (options.json === true) printJson(terminal, figures(fit, source, seconds));
      else show(terminal, fit, options);
    });
}

function directionsOf({ rising = [], falling = [] }: Options): ReadonlyMap<string, Direction> {
  return new Map([
    ...rising.map((column): [string, Direction] => [column, 'rising']),
    ...falling.map((column): [string, Direction] => [column, 'falling']),
  ]);
}

function writeFiles(options: Options, source: TableSource, fit: ScorecardFit): void {
  const { judgement: j } = fit;
  const about = [
    `Fitted by perennial scorecard fit to ${basename(options.table)}: ${source.table.rows} rows, ${j.positives} of the ${j.rows} predicted ones positive (${options.label} = ${source.positive}).`,
    `Predictions of unseen rows: AUC ${j.auc.toFixed(3)} (${j.aucInterval.low.toFixed(3)} to ${j.aucInterval.high.toFixed(3)}), log loss ${j.logLoss.toFixed(4)} (base rate: ${j.baseLogLoss.toFixed(4)}), ECE ${j.expectedCalibrationError.toFixed(4)}.`,
  ];
  if (options.out !== undefined)
    writeFileSync(
      options.out,
      cardFile(fit.card, {
        name: options.name,
        about: [...about, ...verdictInWords(fit)],
        description: `Fitted to ${basename(options.table)}: how likely ${options.label} = ${source.positive} is.`,
        when: null,
      }),
    );
  if (options.predictions !== undefined) {
    const lines = [...fit.predictions]
      .sort((a, b) => a.row - b.row)
      .map(({ row, label, probability, fold }) =>
        [source.ids[row]!, label, probability, fold].map(csvCell).join(','),
      );
    writeFileSync(options.predictions, `id,label,p,fold\n${lines.join('\n')}\n`);
  }
  if (options.report !== undefined)
    writeFileSync(
      options.report,
      reportPage(fit, {
        title: `Scorecard ${options.name}: ${basename(options.table)}`,
        about: [about[0]!],
        setAside: source.setAside,
      }),
    );
}

function csvCell(value: string | number): string {
  const text = String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Under the names that the field has for them. */
function figures(fit: ScorecardFit, source: TableSource, seconds: number) {
  const { judgement: j, fit: model, card } = fit;
  return {
    rows: j.rows,
    positives: j.positives,
    auc: j.auc,
    auc_low: j.aucInterval.low,
    auc_high: j.aucInterval.high,
    average_precision: j.averagePrecision,
    log_loss: j.logLoss,
    brier: j.brier,
    ece: j.expectedCalibrationError,
    seconds,
    base_log_loss: j.baseLogLoss,
    verdict: fit.verdict,
    says: verdictInWords(fit),
    effective_parameters: model.degreesOfFreedom,
    features: card.features.map(({ name, title, weight, kept }) => ({
      name,
      column: title,
      weight,
      evidence: kept?.evidence ?? null,
    })),
    left_out: [
      ...source.setAside.map(({ column, why, detail }) => ({ column, why, detail })),
      ...model.leftOut.map(({ feature, reason, association }) => ({
        column: feature.title,
        why: reason,
        p: association,
      })),
    ],
    ids: source.setAside.filter(({ why }) => why === 'id').map(({ column }) => column),
    leaks: source.setAside.filter(({ why }) => why === 'leak').map(({ column }) => column),
    rows_without_label: source.withoutLabel,
  };
}

function show(terminal: Terminal, fit: ScorecardFit, { out, report, predictions }: Options): void {
  const { judgement: j, card } = fit;
  for (const sentence of verdictInWords(fit)) print(terminal, sentence);
  print(terminal);
  printTable(
    terminal,
    ['figure', 'value'],
    [
      ['rows predicted', j.rows],
      ['positives', j.positives],
      ['average precision', j.averagePrecision.toFixed(4)],
      ['log loss', `${j.logLoss.toFixed(4)} (base rate: ${j.baseLogLoss.toFixed(4)})`],
      ['Brier score', j.brier.toFixed(4)],
      ['expected calibration error', j.expectedCalibrationError.toFixed(4)],
    ],
  );
  print(terminal);
  printTable(
    terminal,
    ['weight', 'feature', 'bins', 'evidence'],
    card.features.map(({ weight, name, badness, kept }) => [
      weight.toFixed(1),
      name,
      badness.length,
      kept === null ? '' : kept.evidence.toFixed(1),
    ]),
  );
  for (const file of [out, predictions, report]) if (file !== undefined) print(terminal, `wrote ${file}`);
}
