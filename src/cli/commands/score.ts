import { Command } from 'commander';
import { systemClock } from '../../core/clock.js';
import { PerennialError } from '../../core/errors.js';
import type { Settings } from '../../core/settings.js';
import { checkKafkaSettings } from '../../kafka/client.js';
import { BANDS } from '../../scoring/scorecard.js';
import { recordActivation } from '../../store/rule-activations.js';
import { time } from '../arguments.js';
import type { CommandContext } from '../command-context.js';
import { withTimes } from '../json-times.js';
import { addEngineFlags, type EngineFlags, settingsOf, withEngine } from '../open-engine.js';
import { runRole } from '../role.js';
import { withLiveEngine } from '../roles/live-engine.js';
import { scoreRole } from '../roles/score-role.js';
import { print, printJson, printTable } from '../terminal.js';

interface Options extends EngineFlags {
  readonly all?: boolean;
  readonly asOf?: number;
  readonly knownAt?: number;
  readonly json?: boolean;
}

export function scoreCommand({ terminal }: CommandContext): Command {
  return addEngineFlags(new Command('score'))
    .description('score and decide: everyone once with --all, or as a role what Kafka says was touched')
    .option('--all', 'score everyone once, then end')
    .option('--as-of <time>', 'as of this time (default: now)', time)
    .option('--known-at <time>', 'count only what had arrived by then, as in a backtest', time)
    .option('--json', 'print the summary as JSON')
    .addHelpText(
      'after',
      `
Scoring the same time again gives the same risks and the same decisions.

Without --all it is the score role: it scores the accounts that the ingest role touched, publishes risks and decisions to
KAFKA_BROKERS, and scores everyone from time to time, until it is stopped. docs/operations.md lists every setting.

Examples:
  perennial score --all --as-of 2026-01-01
  KAFKA_BROKERS=localhost:9092 CLICKHOUSE_URL=http://localhost:8123/perennial perennial score
`,
    )
    .action(async (options: Options) => {
      const settings = settingsOf(terminal, options);
      if (options.all !== true) {
        refuseWithoutAll(options, settings);
        // Before anything is opened: a wrong setting is told at once.
        checkKafkaSettings(settings);
        await runRole('score', settings, terminal, (role) =>
          withLiveEngine(role, { fullRescoreEveryMs: null }, (engine) => scoreRole(role, engine)),
        );
        return;
      }
      const summary = await withEngine(settings, async (engine) => {
        if (options.asOf === undefined) {
          await recordActivation(engine.store, engine.definitions.plan.set, systemClock());
        }
        return engine.scoreAll(options.asOf, options.knownAt);
      });
      if (options.json === true) {
        printJson(terminal, withTimes(summary, 'asOf'));
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

/** What only a single pass can do is not left out in silence, and who wanted one is told of --all. */
function refuseWithoutAll({ asOf, knownAt, json }: Options, { KAFKA_BROKERS }: Settings): void {
  const given = [
    ...(asOf === undefined ? [] : ['--as-of']),
    ...(knownAt === undefined ? [] : ['--known-at']),
    ...(json === undefined ? [] : ['--json']),
  ];
  if (given.length > 0)
    throw new PerennialError(
      'invalid_argument',
      `${given.join(' and ')} ${given.length === 1 ? 'goes' : 'go'} with --all only.`,
    );
  if (KAFKA_BROKERS === '') {
    throw new PerennialError(
      'invalid_argument',
      'Without --all this is the score role, which needs KAFKA_BROKERS.',
      {
        hint: 'To score everyone once: perennial score --all. To run without Kafka: perennial up.',
      },
    );
  }
}
