import { Command } from 'commander';
import { PerennialError } from '../../core/errors.js';
import type { Selection } from '../../ingest/retract.js';
import { listRetractions } from '../../store/retraction-log.js';
import { wholeNumber } from '../arguments.js';
import type { CommandContext } from '../command-context.js';
import { withTimes } from '../json-times.js';
import {
  addEngineReadFlags,
  addReadFlags,
  type EngineFlags,
  type StoreFlags,
  settingsOf,
  withStore,
} from '../open-engine.js';
import { harmless, print, printJson, type Terminal } from '../terminal.js';
import { userName } from '../user-name.js';
import { explainSignalCommand } from './signals/explain.js';
import { atRetractionDesk, type Concerned } from './signals/retraction-desk.js';

interface RetractOptions extends EngineFlags, Selection {
  readonly reason: string;
  readonly by?: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

interface UndoOptions extends EngineFlags {
  readonly by?: string;
  readonly json?: boolean;
}

interface ListOptions extends StoreFlags {
  readonly limit: number;
  readonly json?: boolean;
}

export function signalsCommand(context: CommandContext): Command {
  const command = new Command('signals').description(
    'see what features make of a signal, and leave out what should never have come in',
  );
  command.addCommand(explainSignalCommand(context));
  addEngineReadFlags(
    command.command('retract').description('leave records out, for good: of views, features and replays'),
  )
    .option('--source <source>', 'what this source sent')
    .option('--id <id>', 'with --source: this one record')
    .option('--account <account>', 'what speaks of this account')
    .requiredOption('--reason <text>', 'why; it is kept')
    .option('--by <name>', 'who; it is kept. Default: the user of this machine')
    .option('--yes', 'more than one record: do it, rather than say what would be retracted')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
What is retracted stays out when Kafka is replayed or a file is read again; with other contents a record comes in again.
What arrives later from that source or about that account counts. The accounts concerned are scored anew: by the engine that
runs, else by this process or, where KAFKA_BROKERS is set, by the scorers. Questions with --known-at still see what was known then.

Examples:
  perennial signals retract --source meter --id p1 --reason "wrong unit"
  perennial signals retract --source meter --account acme --reason "wrong customer" --yes
  perennial signals restore r-1a2b3c4d5e6f
`,
    )
    .action((options: RetractOptions) => retractAction(context, options));
  addEngineReadFlags(command.command('restore').description('take a retraction back'))
    .argument('<retraction>', 'its id, as retract and retractions print it')
    .option('--by <name>', 'who; it is kept. Default: the user of this machine')
    .option('--json', 'as JSON')
    .action((id: string, options: UndoOptions) => restoreAction(context, id, options));
  addReadFlags(command.command('retractions').description('list what was retracted, the newest first'))
    .option('--limit <number>', 'how many', wholeNumber, 20)
    .option('--json', 'as JSON, one object a line')
    .action((options: ListOptions) => listAction(context, options));
  return command;
}

async function retractAction({ terminal }: CommandContext, options: RetractOptions): Promise<void> {
  const { source, id, account, reason } = options;
  if (id !== undefined && source === undefined)
    throw new PerennialError('invalid_argument', '--id needs --source: a record is known by both.');
  if (source === undefined && account === undefined)
    throw new PerennialError(
      'invalid_argument',
      'Say what to retract: --source, --account, or --source and --id.',
    );
  const selection = { source, id, account };
  const settings = settingsOf(terminal, options);
  const found = await atRetractionDesk(settings, (desk) => desk.count(selection, reason));
  const records = found.signals + found.subscriptions + found.outcomes;
  if (records === 0) {
    throw new PerennialError('not_found', 'Nothing of that is there.', {
      hint: 'Look at source, id and account_id in the view signals: perennial sql "SELECT …". What was retracted is in perennial signals retractions.',
    });
  }
  if (records > 1 && options.yes !== true) {
    if (options.json === true) printJson(terminal, { dryRun: true, ...found });
    else {
      print(terminal, `Nothing was retracted. It would be ${inWords(found)}:`);
      printAccounts(terminal, found);
      print(terminal, 'Run it again with --yes to do it.');
    }
    return;
  }
  const by = options.by ?? userName();
  const { scored, ...done } = await atRetractionDesk(settings, (desk) => desk.retract(selection, reason, by));
  if (options.json === true) {
    printJson(terminal, { dryRun: false, ...done, scored });
    return;
  }
  print(terminal, `Retracted ${inWords(done)}: ${done.id}.`);
  print(terminal, scored);
  print(terminal, `perennial signals restore ${done.id} takes it back.`);
}

async function restoreAction({ terminal }: CommandContext, id: string, options: UndoOptions): Promise<void> {
  const settings = settingsOf(terminal, options);
  const by = options.by ?? userName();
  const { scored, ...done } = await atRetractionDesk(settings, (desk) => desk.undo(id, by));
  if (options.json === true) {
    printJson(terminal, { ...done, scored });
    return;
  }
  print(terminal, `Restored ${inWords(done)}.`);
  print(terminal, scored);
}

async function listAction({ terminal }: CommandContext, options: ListOptions): Promise<void> {
  const settings = settingsOf(terminal, options);
  const found = await withStore(settings, (store) => listRetractions(store, { limit: options.limit }));
  if (options.json === true) {
    for (const line of found) printJson(terminal, withTimes(line, 'at', 'undoneAt'));
    return;
  }
  if (found.length === 0) print(terminal, 'Nothing was retracted.');
  for (const { id, kind, source, recordId, accountId, at, reason, by, undoneAt, undoneBy } of found) {
    const what = [kind, source, recordId, accountId].filter((text) => text !== '').join(' ');
    const undone = undoneAt === null ? '' : `; restored ${new Date(undoneAt).toISOString()} by ${undoneBy}`;
    print(
      terminal,
      harmless(
        `${id}  ${new Date(at).toISOString()}  ${what}  by ${by === '' ? 'its producer' : by}: ${reason}${undone}`,
      ),
    );
  }
}

function inWords({ signals, subscriptions, outcomes, accountCount }: Concerned): string {
  const some = (count: number, one: string) =>
    count === 1 ? `1 ${one}` : `${count.toLocaleString('en')} ${one}s`;
  const parts = [
    ...(signals > 0 ? [some(signals, 'signal')] : []),
    ...(subscriptions > 0 ? [`${subscriptions.toLocaleString('en')} states of subscriptions`] : []),
    ...(outcomes > 0 ? [some(outcomes, 'outcome')] : []),
  ];
  return `${parts.length === 0 ? 'nothing' : parts.join(', ')} of ${some(accountCount, 'account')}`;
}

const SHOWN = 20;

function printAccounts(terminal: Terminal, { accounts, accountCount }: Concerned): void {
  for (const account of accounts.slice(0, SHOWN)) print(terminal, `  ${harmless(account)}`);
  if (accountCount > SHOWN) print(terminal, `  and ${accountCount - SHOWN} more`);
}
