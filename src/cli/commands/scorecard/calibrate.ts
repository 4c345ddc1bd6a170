import { Command } from 'commander';
import { groupBy } from '../../../core/group-by.js';
import { observe } from '../../../engine/observations/observe.js';
import { type CalibrationFit, calibrate, FEWEST_OUTCOMES } from '../../../fit/observations/calibrate.js';
import { type ScoredObservation, scoreObservations } from '../../../fit/observations/scored-observation.js';
import { calibrationSource } from '../../../scoring/calibration.js';
import type { CommandContext } from '../../command-context.js';
import { addEngineFlags, type EngineFlags, settingsOf, withStore } from '../../open-engine.js';
import { scoringIn } from '../../scoring-folder.js';
import { print, printJson } from '../../terminal.js';
import { addObservedFlags, type ObservedFlags, planOf, summaryInWords } from './observed-flags.js';

interface Options extends EngineFlags, ObservedFlags {
  readonly json?: boolean;
}

export function scorecardCalibrateCommand({ terminal }: CommandContext): Command {
  return addObservedFlags(addEngineFlags(new Command('calibrate')))
    .description('find the probabilities that belong to the risks of each scorecard, by what happened')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Prints a calibration for each scorecard, and for each of its segments with enough outcomes, to be put into its file. What it is
worth is measured on accounts that it has not seen.

Examples:
  perennial scorecard calibrate
  perennial scorecard calibrate --from 2026-01-01 --json
`,
    )
    .action(async (options: Options) => {
      const settings = settingsOf(terminal, options);
      const scoring = scoringIn(settings.PERENNIAL_SCORING);
      const rows: ScoredObservation[] = [];
      const summary = await withStore(settings, (store) =>
        observe(store, scoring.catalogue, planOf(options), ({ batch, observations }) => {
          for (const one of scoreObservations(scoring, batch, observations)) rows.push(one);
        }),
      );
      const found = [...groupBy(rows, ({ scorecard }) => scorecard)]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([scorecard, ofCard]) => ({
          scorecard,
          all: calibrate(ofCard, options.seed),
          segments: [...groupBy(ofCard, ({ segment }) => segment)]
            .filter(([segment, { length }]) => segment !== '' && length < ofCard.length)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([segment, some]) => ({ segment, fit: calibrate(some, options.seed) })),
        }));
      if (options.json === true) {
        printJson(terminal, { ...summary, scorecards: found });
        return;
      }
      print(terminal, summaryInWords(summary));
      for (const { scorecard, all, segments } of found) {
        print(terminal, `\n# scorecard ${scorecard}`);
        if (all === null) {
          print(
            terminal,
            `# fewer than ${FEWEST_OUTCOMES} outcomes of one kind: the base rate is not known well enough`,
          );
          continue;
        }
        print(terminal, `# ${worth(all)}`);
        print(terminal, `calibration: ${calibrationSource(all.calibration)}`);
        const better = segments.flatMap(({ segment, fit }) => (fit === null ? [] : [{ segment, fit }]));
        if (better.length > 0) print(terminal, 'calibration_by_segment:');
        for (const { segment, fit } of better)
          print(
            terminal,
            `  ${JSON.stringify(segment)}: ${calibrationSource(fit.calibration)} # ${worth(fit)}`,
          );
      }
    });
}

function worth({ rows, positives, before, after }: CalibrationFit): string {
  return (
    `${rows} observations, ${positives} lost; log loss ${before.logLoss.toFixed(4)} -> ${after.logLoss.toFixed(4)}, ` +
    `ECE ${before.expectedCalibrationError.toFixed(3)} -> ${after.expectedCalibrationError.toFixed(3)}`
  );
}
