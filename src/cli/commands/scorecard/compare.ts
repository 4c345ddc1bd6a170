import { statSync } from 'node:fs';
import { Command } from 'commander';
import { type ObservePlan, type ObserveSummary, observe } from '../../../engine/observations/observe.js';
import type { ObservedBatch } from '../../../engine/observations/observed-features.js';
import { type CardComparison, compareCards } from '../../../fit/observations/compare-cards.js';
import { type ScoredObservation, scoreObservations } from '../../../fit/observations/scored-observation.js';
import type { Scoring } from '../../../scoring/load.js';
import type { Store } from '../../../store/store.js';
import type { CommandContext } from '../../command-context.js';
import { addEngineFlags, type EngineFlags, settingsOf, withStore } from '../../open-engine.js';
import { scoringIn, scoringWithCard } from '../../scoring-folder.js';
import { print, printJson, printTable } from '../../terminal.js';
import { addObservedFlags, type ObservedFlags, planOf, summaryInWords } from './observed-flags.js';

interface Options extends EngineFlags, ObservedFlags {
  readonly json?: boolean;
}

const VERDICTS: Readonly<Record<CardComparison['verdict'], string>> = {
  first_better: 'The first is better.',
  second_better: 'The second is better.',
  no_difference: 'No difference that chance would not make.',
  not_enough_data: 'Too few outcomes to tell.',
};

export function scorecardCompareCommand({ terminal }: CommandContext): Command {
  return addObservedFlags(addEngineFlags(new Command('compare')))
    .description('two scorecards (files, or scoring folders) on the same contracts that ended')
    .argument('<first>', 'a scorecard for everyone, or a scoring folder')
    .argument('<second>', 'another one')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Both score the same observations; the intervals are those of the differences.

Examples:
  perennial scorecard compare scoring fitted.yaml
  perennial scorecard compare old.yaml new.yaml --json
`,
    )
    .action(async (first: string, second: string, options: Options) => {
      const settings = settingsOf(terminal, options);
      const cards = [first, second].map(
        (path): Scoring =>
          statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
            ? scoringIn(path)
            : scoringWithCard(settings.PERENNIAL_SCORING, path),
      );
      const { summary, rows } = await withStore(settings, (store) =>
        scoreBoth(store, cards as [Scoring, Scoring], planOf(options)),
      );
      const found = compareCards(rows[0], rows[1], options.seed);
      if (options.json === true) {
        printJson(terminal, {
          ...summary,
          rows: found.rows,
          auc_difference: found.aucDifference,
          auc_difference_low: found.aucInterval.low,
          auc_difference_high: found.aucInterval.high,
          log_loss_difference: found.logLossDifference,
          log_loss_difference_low: found.logLossInterval.low,
          log_loss_difference_high: found.logLossInterval.high,
          verdict: found.verdict,
        });
        return;
      }
      print(terminal, summaryInWords(summary));
      print(terminal, VERDICTS[found.verdict]);
      print(terminal);
      const interval = ({ low, high }: { low: number; high: number }) =>
        `${low.toFixed(4)} to ${high.toFixed(4)}`;
      printTable(
        terminal,
        ['second less first', 'difference', '95 % interval'],
        [
          ['AUC (more is better)', found.aucDifference.toFixed(4), interval(found.aucInterval)],
          ['log loss (less is better)', found.logLossDifference.toFixed(4), interval(found.logLossInterval)],
        ],
      );
    });
}

/** Both on the same observations, by the label of the first, each with the features of its own folder. */
async function scoreBoth(
  store: Store,
  [first, second]: readonly [Scoring, Scoring],
  plan: ObservePlan,
): Promise<{ summary: ObserveSummary; rows: [ScoredObservation[], ScoredObservation[]] }> {
  const rows: [ScoredObservation[], ScoredObservation[]] = [[], []];
  const score = (scoring: Scoring, place: 0 | 1, { batch, observations }: ObservedBatch) => {
    for (const one of scoreObservations(scoring, batch, observations)) rows[place].push(one);
  };
  const shared = first.catalogue.file.text === second.catalogue.file.text;
  const summary = await observe(store, first.catalogue, plan, (batch) => {
    score(first, 0, batch);
    if (shared) score(second, 1, batch);
  });
  const own = { ...second.catalogue, labels: first.catalogue.labels };
  if (!shared) await observe(store, own, plan, (batch) => score(second, 1, batch));
  return { summary, rows };
}
