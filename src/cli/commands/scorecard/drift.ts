import { Command } from 'commander';
import type { Millis } from '../../../core/clock.js';
import { AGAINST_MS } from '../../../engine/drift-watch.js';
import { type Drift, readDrift } from '../../../engine/observations/read-drift.js';
import { time } from '../../arguments.js';
import type { CommandContext } from '../../command-context.js';
import { EXIT } from '../../exit-codes.js';
import { withTimes } from '../../json-times.js';
import { addEngineFlags, type EngineFlags, settingsOf, withStore } from '../../open-engine.js';
import { scoringIn } from '../../scoring-folder.js';
import { print, printJson, printTable, type Terminal } from '../../terminal.js';

interface Options extends EngineFlags {
  readonly asOf?: Millis;
  readonly against?: Millis;
  readonly check?: boolean;
  readonly json?: boolean;
}

export function scorecardDriftCommand(context: CommandContext): Command {
  const { terminal } = context;
  return addEngineFlags(new Command('drift'))
    .description('see whether the scorecards still meet the customers, and the outcomes, they were made for')
    .option('--as-of <time>', 'the later time (default: now)', time)
    .option('--against <time>', 'the earlier time (default: 90 days before)', time)
    .option('--check', 'exit with code 3 where something has shifted')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Stability is the population stability index of the risk and of each feature that scorecards use: under 0.1 stable, over 0.25 shifted.
Lost against expected: contracts that ended since, and how many of them were to be lost by their probabilities as they looked last.
Scorers do the same every SCORE_DRIFT_HOURS; their metrics are perennial_scorecard_stability and perennial_scorecard_lost_to_expected.

Examples:
  perennial scorecard drift
  perennial scorecard drift --against 2026-01-01 --check
`,
    )
    .action(async (options: Options) => {
      const settings = settingsOf(terminal, options);
      const asOf = options.asOf ?? terminal.clock();
      const against = options.against ?? asOf - AGAINST_MS;
      const drift = await withStore(settings, (store) =>
        readDrift(store, scoringIn(settings.PERENNIAL_SCORING), { asOf, against }),
      );
      if (options.json === true) printJson(terminal, withTimes(drift, 'asOf', 'against'));
      else show(terminal, drift);
      const shifted = [...drift.population, drift.calibration].some((one) => one?.verdict === 'shifted');
      if (options.check === true && shifted) context.exitCode = EXIT.check;
    });
}

function show(terminal: Terminal, { before, now, population, calibration }: Drift): void {
  print(terminal, `${before} subscriptions then, ${now} now.\n`);
  printTable(
    terminal,
    ['', 'stability', ''],
    population.map(({ name, stability, verdict }) => [
      name,
      stability.toFixed(3),
      verdict.replaceAll('_', ' '),
    ]),
  );
  if (calibration === null) {
    print(
      terminal,
      '\nNo contract that was known then has ended since: whether probabilities hold is not known.',
    );
    return;
  }
  const { contracts, expected, lost, verdict } = calibration;
  print(
    terminal,
    `\n${contracts} contracts ended since; ${lost} were lost, ${expected.toFixed(1)} were to be expected: ${verdict.replaceAll('_', ' ')}.`,
  );
}
