import { Command, CommanderError } from 'commander';
import { PerennialError } from '../core/errors.js';
import type { CommandContext } from './command-context.js';
import { perennialVersion } from './commands/version.js';
import { EXIT, exitCodeOf } from './exit-codes.js';
import { ReportedError } from './reported-error.js';
import { linesOf, type Terminal } from './terminal.js';

type Build = (context: CommandContext) => Command;

/**
 * Every command of `perennial`, in the groups and the order in which help lists them. One file each under `commands/`, which is loaded
 * when the command is asked for: to load all of them takes longer than most commands.
 */
const COMMANDS: Readonly<Record<string, Readonly<Record<string, () => Promise<Build>>>>> = {
  'Begin here': {
    demo: async () => (await import('./commands/demo.js')).demoCommand,
    init: async () => (await import('./commands/init.js')).initCommand,
  },
  'Bring things in': {
    ingest: async () => (await import('./commands/ingest.js')).ingestCommand,
    import: async () => (await import('./commands/import.js')).importCommand,
    simulate: async () => (await import('./commands/simulate.js')).simulateCommand,
    rejected: async () => (await import('./commands/rejected.js')).rejectedCommand,
    signals: async () => (await import('./commands/signals.js')).signalsCommand,
    loads: async () => (await import('./commands/loads.js')).loadsCommand,
  },
  'Score and look': {
    score: async () => (await import('./commands/score.js')).scoreCommand,
    runs: async () => (await import('./commands/runs.js')).runsCommand,
    risks: async () => (await import('./commands/risks.js')).risksCommand,
    explain: async () => (await import('./commands/explain.js')).explainCommand,
    features: async () => (await import('./commands/features.js')).featuresCommand,
    decisions: async () => (await import('./commands/decisions.js')).decisionsCommand,
    sql: async () => (await import('./commands/sql.js')).sqlCommand,
    export: async () => (await import('./commands/export.js')).exportCommand,
  },
  'Change what is decided': {
    rules: async () => (await import('./commands/rules.js')).rulesCommand,
    scorecard: async () => (await import('./commands/scorecard.js')).scorecardCommand,
    overrides: async () => (await import('./commands/overrides.js')).overridesCommand,
  },
  'Run it': {
    up: async () => (await import('./commands/up.js')).upCommand,
    serve: async () => (await import('./commands/serve.js')).serveCommand,
    topics: async () => (await import('./commands/topics.js')).topicsCommand,
    clickhouse: async () => (await import('./commands/clickhouse.js')).clickhouseCommand,
    token: async () => (await import('./commands/token.js')).tokenCommand,
    migrate: async () => (await import('./commands/migrate.js')).migrateCommand,
    backup: async () => (await import('./commands/backup.js')).backupCommand,
    restore: async () => (await import('./commands/restore.js')).restoreCommand,
    account: async () => (await import('./commands/account.js')).accountCommand,
  },
  'About Perennial': {
    doctor: async () => (await import('./commands/doctor.js')).doctorCommand,
    version: async () => (await import('./commands/version.js')).versionCommand,
  },
};

const AFTER_HELP = `
perennial <command> --help explains a command and gives examples.

Exit codes:
  0    all went well
  1    a defect of Perennial
  2    wrong arguments or settings
  3    a check found problems
  4    rule tests failed
  5    a store, broker, port or directory can't be used: not reachable, held by another process, or not fit for this
  6    not found
  7    some input rows were rejected, steps refused, or accounts not scored; all others were done
  130  stopped by SIGINT or SIGTERM before the work was done
`;

/** Runs one command line (without node and script) and resolves to its exit code. Never rejects. */
export async function runProgram(args: readonly string[], terminal: Terminal): Promise<number> {
  const context: CommandContext = { terminal, exitCode: EXIT.ok };
  const program = new Command('perennial')
    .description('A rules-driven renewal engine: signals in, renewal risk and decisions out.')
    .version(perennialVersion(), '-V, --version', 'print the version')
    .addHelpCommand(
      new Command('help')
        .argument('[command]')
        .description('explain a command')
        .helpOption(false)
        .helpGroup('About Perennial:'),
    )
    .addHelpText('after', AFTER_HELP)
    .showSuggestionAfterError()
    .showHelpAfterError(
      '(run with --help to see what is possible; a name that begins with a dash comes last, behind --)',
    )
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      writeErr: (text) => terminal.stderr.write(text),
    });
  try {
    for (const [group, load] of commandsFor(args))
      program.addCommand(inherit((await load())(context), program).helpGroup(`${group}:`));
    await program.parseAsync([...args], { from: 'user' });
    return context.exitCode;
  } catch (thrown) {
    if (thrown instanceof ReportedError) return exitCodeOf(thrown.error.code);
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return report(thrown, terminal);
  }
}

/** The command that is asked for, with its group; every one for help and for a name that there is not. */
function commandsFor(args: readonly string[]): [group: string, load: () => Promise<Build>][] {
  const [first = ''] = args;
  if (first === '-V' || first === '--version') return [];
  const all = Object.entries(COMMANDS).flatMap(([group, loads]) =>
    Object.entries(loads).map(([name, load]) => ({ group, name, load })),
  );
  const asked = all.filter(({ name }) => name === first);
  return (asked.length > 0 ? asked : all).map(({ group, load }) => [group, load]);
}

/** Commands built in files of their own take over how the program reports errors. */
function inherit(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) inherit(child as Command, command);
  return command;
}

function report(thrown: unknown, terminal: Terminal): number {
  const error = PerennialError.from(thrown);
  terminal.stderr.write(`error: ${linesOf(error.message)}\n`);
  if (error.hint !== undefined) terminal.stderr.write(`${error.hint}\n`);
  if (error.code === 'internal' && error.stack !== undefined) {
    terminal.stderr.write(
      `This is a defect of Perennial. Please report it with these lines:\n${error.stack}\n`,
    );
    if (error.cause instanceof Error)
      terminal.stderr.write(`caused by ${error.cause.stack ?? error.cause.message}\n`);
  }
  return exitCodeOf(error.code);
}
