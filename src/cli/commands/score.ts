import { Command } from 'commander';
import { DAY_MS, type Millis } from '../../core/clock.js';
import { PerennialError } from '../../core/errors.js';
import type { Settings } from '../../core/settings.js';
import { REOPENED_WITHIN_DAYS, type Stability, stabilityOf } from '../../decisions/stability.js';
import type { Engine } from '../../engine/engine.js';
import type { PassSummary } from '../../engine/pass.js';
import { SeriesDecisions } from '../../engine/series-decisions.js';
import { whatIf } from '../../engine/what-if.js';
import { checkKafkaSettings } from '../../kafka/client.js';
import type { NotInUse } from '../../scoring/not-in-use.js';
import { BANDS } from '../../scoring/scorecard.js';
import { isRunBegun, isRunName, recordRunPass } from '../../store/run-log.js';
import { duration, time } from '../arguments.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-codes.js';
import { withTimes } from '../json-times.js';
import { addEngineFlags, type EngineFlags, settingsOf, withEngine } from '../open-engine.js';
import { partsInWords, partsNotInUse } from '../parts-not-in-use.js';
import { runRole } from '../role.js';
import { withLiveEngine } from '../roles/live-engine.js';
import { scoreRole } from '../roles/score-role.js';
import { print, printJson, printTable, type Terminal } from '../terminal.js';

interface Options extends EngineFlags {
  readonly all?: boolean;
  readonly asOf?: Millis;
  readonly knownAt?: Millis;
  readonly from?: Millis;
  readonly to?: Millis;
  readonly every?: Millis;
  readonly run?: string;
  readonly json?: boolean;
}

/** Passes of one series. */
const MOST_PASSES = 1_000;

export function scoreCommand(context: CommandContext): Command {
  const { terminal } = context;
  return addEngineFlags(new Command('score'))
    .description(
      'score and decide: everyone as of now with --all, as of other times as a what-if, or as a role',
    )
    .option('--all', 'score everyone once, then end')
    .option('--as-of <time>', 'what if: as of this time; changes nothing that is live', time)
    .option('--known-at <time>', 'what if: count only what had arrived by then', time)
    .option('--from <time>', 'what if: a series of passes from this time on, each the past of the next', time)
    .option('--to <time>', 'up to this time (default: now)', time)
    .option('--every <duration>', 'so far apart, such as 7d or 12h (default: 7d)', duration)
    .option('--run <name>', 'what if: keep risks and decisions under this name; perennial runs lists them')
    .option('--json', 'print the summary of each pass as JSON')
    .addHelpText(
      'after',
      `
perennial score --all is live: it scores everyone as of now, decides, and stores both as the present. With a time it is a
what-if: the same pass as of then, on the past of then; it prints what would come out and touches nothing live. A series
counts at each of its times only what had arrived by then, as a backtest has to; --known-at gives another time. In the end it says how
much came back soon after it was cleared: rules that do that want a longer clear_after_days (docs/rules.md).

Without --all it is the score role: it scores the accounts that the ingest role touched, publishes risks and decisions to
KAFKA_BROKERS, and scores everyone from time to time, until it is stopped. docs/operations.md lists every setting.

Examples:
  perennial score --all
  perennial score --all --as-of 2026-01-01
  perennial score --all --from 2025-07-01 --to 2026-01-01 --every 7d --run autumn
  KAFKA_BROKERS=localhost:9092 CLICKHOUSE_URL=http://localhost:8123/perennial perennial score
`,
    )
    .action(async (options: Options) => {
      const settings = settingsOf(terminal, options);
      if (options.all !== true) {
        refuseWithoutAll(options, settings);
        // Before anything is opened: a wrong setting is reported at once.
        checkKafkaSettings(settings);
        await runRole('score', settings, terminal, (role) =>
          withLiveEngine(role, { fullRescoreEveryMs: null }, (engine) => scoreRole(role, engine)),
        );
        return;
      }
      const times = timesOf(options, terminal.clock());
      if (times === undefined) {
        if (options.run !== undefined)
          throw new PerennialError('invalid_argument', '--run keeps a what-if, which needs a time.', {
            hint: 'Name one with --as-of, or a series with --from and --to.',
          });
        await withEngine(
          settings,
          'decide',
          async (engine) => {
            const summary = await engine.rescoreAll();
            if (summary.failures.length > 0) context.exitCode = EXIT.rejected;
            const idle = await idleParts(engine, summary.asOf);
            show(terminal, summary, 'live', idle, options.json === true);
            if (options.json !== true) printIdle(terminal, idle);
          },
          terminal.clock,
        );
        return;
      }
      await runWhatIf(context, settings, options, times);
    });
}

async function runWhatIf(
  context: CommandContext,
  settings: Settings,
  { run, knownAt, from, json = false }: Options,
  times: readonly Millis[],
): Promise<void> {
  const { terminal } = context;
  if (run !== undefined && !isRunName(run))
    throw new PerennialError('invalid_argument', `${run.slice(0, 100)} can't be the name of a run.`, {
      hint: 'Letters, digits, dots, dashes and underscores, up to 100, beginning with a letter or digit.',
    });
  await withEngine(
    settings,
    run === undefined ? 'ask' : 'keep',
    async ({ store, definitions }) => {
      if (run !== undefined && (await isRunBegun(store, run)))
        throw new PerennialError('invalid_argument', `There is a run named ${run}.`, {
          hint: `Choose another name, or drop it: perennial runs drop ${run}`,
        });
      const known = knownAt ?? (from === undefined ? undefined : 'observed');
      const series = new SeriesDecisions();
      const passes = whatIf({
        store,
        sink: series,
        definitions,
        clock: terminal.clock,
        times,
        ...(known === undefined ? {} : { knownAt: known }),
        ...(run === undefined ? {} : { run }),
      });
      let subscriptions = 0;
      let idle: readonly NotInUse[] = [];
      for await (const summary of passes) {
        subscriptions += summary.subscriptions;
        if (summary.failures.length > 0) context.exitCode = EXIT.rejected;
        if (run !== undefined)
          await recordRunPass(store, {
            run,
            ...summary,
            knownAt: known === 'observed' ? summary.asOf : (known ?? null),
            rulesRevision: definitions.plan.set.revision,
            scoringRevision: definitions.scoring.revision,
            ranAt: terminal.clock(),
          });
        const knownThen = known === 'observed' ? summary.asOf : known;
        idle = await idleParts({ store, definitions }, summary.asOf, knownThen);
        show(terminal, summary, 'what-if', idle, json);
      }
      if (subscriptions > 0 && !json) printIdle(terminal, idle);
      if (subscriptions === 0 && known !== undefined && !json)
        print(
          terminal,
          'Nothing in the store had arrived by then. What was imported later counts with a later --known-at.',
        );
      if (from !== undefined) showStability(terminal, stabilityOf(series.all, times.at(-1)!), json);
      if (run !== undefined && !json)
        print(
          terminal,
          `Kept as run ${run}: perennial runs show ${run}; SQL has run_risks and run_decisions.`,
        );
    },
    terminal.clock,
  );
}

/** The times of a what-if; undefined: none is named, so it is a live pass. Throws `invalid_argument`. */
function timesOf({ asOf, knownAt, from, to, every }: Options, now: Millis): readonly Millis[] | undefined {
  if (from === undefined) {
    if (to !== undefined || every !== undefined)
      throw new PerennialError(
        'invalid_argument',
        '--to and --every belong to a series, which begins with --from.',
      );
    if (asOf === undefined && knownAt !== undefined)
      throw new PerennialError('invalid_argument', '--known-at goes with --as-of or --from.', {
        hint: 'A live pass counts everything that has arrived.',
      });
    return asOf === undefined ? undefined : [asOf];
  }
  if (asOf !== undefined)
    throw new PerennialError(
      'invalid_argument',
      '--as-of names one time and --from a series: give one of them.',
    );
  const [end, step] = [to ?? now, every ?? 7 * DAY_MS];
  if (end < from) throw new PerennialError('invalid_argument', '--to lies before --from.');
  const passes = Math.floor((end - from) / step) + 1;
  if (passes > MOST_PASSES)
    throw new PerennialError(
      'invalid_argument',
      `That would be ${passes.toLocaleString('en-US')} passes; at most ${MOST_PASSES} are allowed.`,
    );
  return Array.from({ length: passes }, (_, i) => from + i * step);
}

function show(
  terminal: Terminal,
  summary: PassSummary,
  kind: 'live' | 'what-if',
  idle: readonly NotInUse[],
  json: boolean,
): void {
  if (json) {
    const failures = summary.failures.map(({ accounts, error }) => ({ accounts, error: error.message }));
    printJson(terminal, { kind, ...withTimes(summary, 'asOf'), failures, notInUse: idle });
    return;
  }
  const at = new Date(summary.asOf).toISOString();
  const future = summary.asOf > terminal.clock() ? ', a time to come' : '';
  print(
    terminal,
    `${kind === 'live' ? 'Scored' : 'What if: scored'} ${summary.subscriptions.toLocaleString('en-US')} subscriptions as of ${at}${future}.`,
  );
  printTable(
    terminal,
    ['band', 'subscriptions'],
    BANDS.map((band) => [band, summary.bands[band]]),
  );
  print(
    terminal,
    `Decisions: ${summary.opened} opened, ${summary.closed} closed, ${summary.suppressed} suppressed by guardrails.`,
  );
  if (summary.braked > 0)
    print(
      terminal,
      kind === 'live'
        ? `${summary.braked} of those opened wait for approval, since one pass may not open so many: perennial decisions approve --waits-for brake`
        : `${summary.braked} of those would wait for approval, since one pass may not open so many.`,
    );
  for (const { accounts, error } of summary.failures)
    print(terminal, terminal.colors.red(`${accounts.join(', ')} could not be scored: ${error.message}`));
}

/** What parts of the scorecards said nothing about anyone: silence must not look like health. */
async function idleParts(
  { store, definitions }: Pick<Engine, 'store' | 'definitions'>,
  asOf: Millis,
  knownAt?: Millis,
): Promise<readonly NotInUse[]> {
  const parts = await partsNotInUse(store, definitions.scoring, asOf, knownAt);
  return parts.filter(({ share }) => share > 0);
}

function printIdle(terminal: Terminal, idle: readonly NotInUse[]): void {
  for (const sentence of partsInWords(idle)) print(terminal, sentence);
}

/** Whether what a series opened stayed open for long enough to be of use. */
function showStability(terminal: Terminal, stability: Stability, json: boolean): void {
  if (json) {
    printJson(terminal, { kind: 'series', ...stability });
    return;
  }
  const { opened, cleared, reopened, unansweredOffers, medianLifeShare } = stability;
  print(
    terminal,
    `The series opened ${opened} decisions; ${cleared} were cleared, and ${reopened} came back within ${REOPENED_WITHIN_DAYS} days.`,
  );
  if (medianLifeShare !== null)
    print(
      terminal,
      `The median of ${unansweredOffers} offers that nobody answered was open for ${Math.round(100 * medianLifeShare)} % of its time.`,
    );
}

/** What only a single pass can do is not left out in silence, and who wanted one is pointed to --all. */
function refuseWithoutAll(options: Options, { KAFKA_BROKERS }: Settings): void {
  const flags = ['asOf', 'knownAt', 'from', 'to', 'every', 'run', 'json'] as const;
  const given = flags
    .filter((flag) => options[flag] !== undefined)
    .map((flag) => `--${flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
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
