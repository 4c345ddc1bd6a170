import { Command } from 'commander';
import { PerennialError } from '../../core/errors.js';
import { BANDS } from '../../scoring/scorecard.js';
import { time } from '../arguments.js';
import { addEngineFlags, type EngineFlags, settingsOf, withEngine } from '../open-engine.js';
import type { CommandContext } from '../program.js';
import { print, printJson, printTable } from '../terminal.js';

interface Options extends EngineFlags {
  readonly all?: boolean;
  readonly asOf?: number;
  readonly knownAt?: number;
  readonly json?: boolean;
}

export function scoreCommand({ terminal }: CommandContext): Command {
  return addEngineFlags(new Command('score'))
    .description('score every subscription, decide, and store both')
    .option('--all', 'score everyone once, then end')
    .option('--as-of <time>', 'as of this time (default: now)', time)
    .option('--known-at <time>', 'count only what had arrived by then, as in a backtest', time)
    .option('--json', 'print the summary as JSON')
    .addHelpText(
      'after',
      `
Scoring the same time again gives the same risks and the same decisions.

Example:
  perennial score --all --as-of 2026-01-01
`,
    )
    .action(async (options: Options) => {
      if (options.all !== true) {
        throw new PerennialError('invalid_argument', 'Say --all to score everyone.');
      }
      const summary = await withEngine(settingsOf(terminal, options), (engine) =>
        engine.scoreAll(options.asOf, options.knownAt),
      );
      if (options.json === true) {
        printJson(terminal, { ...summary, asOf: new Date(summary.asOf).toISOString() });
        return;
      }
      print(
        terminal,
        `Scored ${summary.subscriptions.toLocaleString('en-US')} subscriptions as of ${new Date(summary.asOf).toISOString()}.`,
      );
      printTable(
        terminal,
        ['band', 'subscriptions'],
        BANDS.map((band) => [band, summary.bands[band]]),
      );
      print(
        terminal,
        `Decisions: ${summary.opened} opened, ${summary.closed} closed, ${summary.suppressed} held back by guardrails.`,
      );
    });
}
