import { Command } from 'commander';
import { groupBy } from '../../../core/group-by.js';
import { observe } from '../../../engine/observations/observe.js';
import { type CardFigures, cardFigures } from '../../../fit/observations/card-figures.js';
import { type ScoredObservation, scoreObservations } from '../../../fit/observations/scored-observation.js';
import type { CommandContext } from '../../command-context.js';
import { addEngineFlags, type EngineFlags, settingsOf, withStore } from '../../open-engine.js';
import { scoringIn, scoringWithCard } from '../../scoring-folder.js';
import { print, printJson, printTable, type Terminal } from '../../terminal.js';
import { addObservedFlags, type ObservedFlags, planOf, summaryInWords } from './observed-flags.js';
import { share } from './share.js';

interface Options extends EngineFlags, ObservedFlags {
  readonly card?: string;
  readonly capacity: number;
  readonly json?: boolean;
}

export function scorecardEvaluateCommand({ terminal }: CommandContext): Command {
  return addObservedFlags(addEngineFlags(new Command('evaluate')))
    .description('judge the scorecards by what happened: each contract that ended, as it looked before')
    .option('--card <file>', 'this scorecard for everyone, instead of those of the folder')
    .option('--capacity <share>', 'share of the contracts that there is capacity to look after', share, 0.1)
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Each contract that ended is looked at as of the times that the label declares (30, 60, 90, 120 days before), with what had
arrived by then; not after notice. Intervals are bootstrapped over accounts.

Examples:
  perennial scorecard evaluate
  perennial scorecard evaluate --card fitted.yaml --from 2026-01-01 --json
`,
    )
    .action(async (options: Options) => {
      const settings = settingsOf(terminal, options);
      const scoring =
        options.card === undefined
          ? scoringIn(settings.PERENNIAL_SCORING)
          : scoringWithCard(settings.PERENNIAL_SCORING, options.card);
      const rows: ScoredObservation[] = [];
      const summary = await withStore(settings, (store) =>
        observe(store, scoring.catalogue, planOf(options), ({ batch, observations }) => {
          for (const one of scoreObservations(scoring, batch, observations)) rows.push(one);
        }),
      );
      const groups = groupsOf(rows, options);
      if (options.json === true) {
        printJson(terminal, {
          ...summary,
          scoring_revision: scoring.revision,
          figures: groups.map(({ by, name, figures }) => ({
            by,
            name,
            ...(figures === null ? {} : plain(figures)),
          })),
        });
        return;
      }
      print(terminal, summaryInWords(summary));
      print(terminal);
      show(terminal, groups);
    });
}

interface Group {
  readonly by: 'all' | 'days before' | 'segment' | 'scorecard';
  readonly name: string;
  readonly figures: CardFigures | null;
}

function groupsOf(rows: readonly ScoredObservation[], { capacity, seed }: Options): Group[] {
  const by = (kind: Group['by'], nameOf: (row: ScoredObservation) => string): Group[] =>
    [...groupBy(rows, nameOf)]
      .sort(([a], [b]) => Number(a) - Number(b) || (a < b ? -1 : 1))
      .map(([name, group]) => ({ by: kind, name, figures: cardFigures(group, { capacity, seed }) }));
  return [
    ...by('all', () => ''),
    ...by('days before', ({ leadDays }) => String(leadDays)),
    ...by('segment', ({ segment }) => segment),
    ...by('scorecard', ({ scorecard }) => scorecard),
  ];
}

/** Under the names that the field has for them. */
function plain(figures: CardFigures) {
  return {
    rows: figures.rows,
    positives: figures.positives,
    unknown: figures.unknown,
    auc: figures.auc,
    auc_low: figures.aucInterval.low,
    auc_high: figures.aucInterval.high,
    average_precision: figures.averagePrecision,
    log_loss: figures.logLoss,
    base_log_loss: figures.baseLogLoss,
    brier: figures.brier,
    ece: figures.expectedCalibrationError,
    precision_at_capacity: figures.precisionAtCapacity,
    recall_at_capacity: figures.recallAtCapacity,
    top_decile_lift: figures.topDecileLift,
    days_of_warning: figures.daysOfWarning,
    arr_lost: figures.arrLost.map(({ currency, lostMinor, flaggedMinor }) => ({
      currency,
      lost_minor: lostMinor,
      flagged_minor: flaggedMinor,
    })),
  };
}

function show(terminal: Terminal, groups: readonly Group[]): void {
  printTable(
    terminal,
    [
      '',
      'rows',
      'lost',
      'unknown',
      'AUC',
      '95 % interval',
      'AP',
      'log loss',
      'base',
      'ECE',
      'lift',
      'recall',
      'warning',
    ],
    groups.map(({ by, name, figures: f }) => {
      const label = by === 'all' ? 'all' : `${by} ${name === '' ? '(none)' : name}`;
      if (f === null) return [label, ...Array<string>(12).fill('')];
      return [
        label,
        String(f.rows),
        String(f.positives),
        String(f.unknown),
        f.auc.toFixed(3),
        `${f.aucInterval.low.toFixed(3)} to ${f.aucInterval.high.toFixed(3)}`,
        f.averagePrecision.toFixed(3),
        f.logLoss.toFixed(4),
        f.baseLogLoss.toFixed(4),
        f.expectedCalibrationError.toFixed(3),
        f.topDecileLift.toFixed(1),
        f.recallAtCapacity.toFixed(2),
        f.daysOfWarning === null ? '' : `${f.daysOfWarning.toFixed(0)} d`,
      ];
    }),
  );
  const [all] = groups;
  for (const { currency, lostMinor, flaggedMinor } of all?.figures?.arrLost ?? [])
    print(
      terminal,
      `ARR lost in ${currency || 'no currency'}: ${Math.round((100 * flaggedMinor) / Math.max(1, lostMinor))} % of it had been flagged.`,
    );
}
