import { Command } from 'commander';
import type { CommandContext } from '../command-context.js';
import { scorecardCalibrateCommand } from './scorecard/calibrate.js';
import { scorecardCompareCommand } from './scorecard/compare.js';
import { scorecardDriftCommand } from './scorecard/drift.js';
import { scorecardEvaluateCommand } from './scorecard/evaluate.js';
import { scorecardFitCommand } from './scorecard/fit.js';

/** What data teams do with scorecards. */
export function scorecardCommand(context: CommandContext): Command {
  const command = new Command('scorecard').description(
    'fit scorecards to outcomes, and judge them by outcomes',
  );
  for (const build of [
    scorecardFitCommand,
    scorecardEvaluateCommand,
    scorecardCalibrateCommand,
    scorecardCompareCommand,
    scorecardDriftCommand,
  ])
    command.addCommand(build(context));
  return command;
}
