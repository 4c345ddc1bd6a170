import { Command, CommanderError } from 'commander';
import { PerennialError } from '../core/errors.js';
import type { CommandContext } from './command-context.js';
import { accountCommand } from './commands/account.js';
import { backupCommand } from './commands/backup.js';
import { clickhouseCommand } from './commands/clickhouse.js';
import { decisionsCommand } from './commands/decisions.js';
import { demoCommand } from './commands/demo.js';
import { doctorCommand } from './commands/doctor.js';
import { explainCommand } from './commands/explain.js';
import { exportCommand } from './commands/export.js';
import { featuresCommand } from './commands/features.js';
import { importCommand } from './commands/import.js';
import { ingestCommand } from './commands/ingest.js';
import { initCommand } from './commands/init.js';
import { loadsCommand } from './commands/loads.js';
import { migrateCommand } from './commands/migrate.js';
import { overridesCommand } from './commands/overrides.js';
import { rejectedCommand } from './commands/rejected.js';
import { restoreCommand } from './commands/restore.js';
import { risksCommand } from './commands/risks.js';
import { rulesCommand } from './commands/rules.js';
import { runsCommand } from './commands/runs.js';
import { scoreCommand } from './commands/score.js';
import { scorecardCommand } from './commands/scorecard.js';
import { serveCommand } from './commands/serve.js';
import { signalsCommand } from './commands/signals.js';
import { simulateCommand } from './commands/simulate.js';
import { sqlCommand } from './commands/sql.js';
import { tokenCommand } from './commands/token.js';
import { topicsCommand } from './commands/topics.js';
import { upCommand } from './commands/up.js';
import { perennialVersion, versionCommand } from './commands/version.js';
import { EXIT, exitCodeOf } from './exit-codes.js';
import { ReportedError } from './reported-error.js';
import { linesOf, type Terminal } from './terminal.js';

type Build = (context: CommandContext) => Command;

/** Every command of `perennial`, in the groups and the order in which help lists them. One file each under `commands/`. */
const COMMANDS: readonly (readonly [group: string, ...builds: readonly Build[]])[] = [
  ['Begin here', demoCommand, initCommand],
  [
    'Bring things in',
    ingestCommand,
    importCommand,
    simulateCommand,
    rejectedCommand,
    signalsCommand,
    loadsCommand,
  ],
  [
    'Score and look',
    scoreCommand,
    runsCommand,
    risksCommand,
    explainCommand,
    featuresCommand,
    decisionsCommand,
    sqlCommand,
    exportCommand,
  ],
  ['Change what is decided', rulesCommand, scorecardCommand, overridesCommand],
  [
    'Run it',
    upCommand,
    serveCommand,
    topicsCommand,
    clickhouseCommand,
    tokenCommand,
    migrateCommand,
    backupCommand,
    restoreCommand,
    accountCommand,
  ],
  ['About Perennial', doctorCommand, versionCommand],
];

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
  7    some input rows were rejected; all others went in
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
    .showHelpAfterError('(run with --help to see what is possible)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      writeErr: (text) => terminal.stderr.write(text),
    });
  for (const [group, ...builds] of COMMANDS)
    for (const build of builds) program.addCommand(inherit(build(context), program).helpGroup(`${group}:`));
  try {
    await program.parseAsync([...args], { from: 'user' });
    return context.exitCode;
  } catch (thrown) {
    if (thrown instanceof ReportedError) return exitCodeOf(thrown.error.code);
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return report(thrown, terminal);
  }
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
