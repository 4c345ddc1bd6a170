import { Command } from 'commander';
import { systemClock } from '../../core/clock.js';
import { recordsOfLoad, undoLoad } from '../../ingest/undo-load.js';
import { type Load, listLoads, readLoad } from '../../store/load-log.js';
import { wholeNumber } from '../arguments.js';
import type { CommandContext } from '../command-context.js';
import { withTimes } from '../json-times.js';
import {
  addEngineFlags,
  addStoreFlags,
  type EngineFlags,
  type StoreFlags,
  settingsOf,
  withStore,
} from '../open-engine.js';
import { rescoreAccounts } from '../rescore-accounts.js';
import { harmless, print, printJson, printTable } from '../terminal.js';
import { userName } from '../user-name.js';

interface ListOptions extends StoreFlags {
  readonly limit: number;
  readonly json?: boolean;
}

interface ShowOptions extends StoreFlags {
  readonly json?: boolean;
}

interface UndoOptions extends EngineFlags {
  readonly dryRun?: boolean;
  readonly reason?: string;
  readonly by?: string;
  readonly json?: boolean;
}

export function loadsCommand(context: CommandContext): Command {
  const command = new Command('loads').description('list imports and files that were read, and undo one');
  addStoreFlags(command.command('list').description('the latest loads, the newest first'))
    .option('--limit <number>', 'how many', wholeNumber, 20)
    .option('--json', 'as JSON, one object a line')
    .action((options: ListOptions) => list(context, options));
  addStoreFlags(command.command('show').description('what one load brought'))
    .argument('<load>', 'its id')
    .option('--json', 'as JSON')
    .action((id: string, options: ShowOptions) => show(context, id, options));
  addEngineFlags(command.command('undo').description('make records as they would be without a load'))
    .argument('<load>', 'its id')
    .option('--dry-run', 'only say how many records are concerned')
    .option('--reason <text>', 'why; it is kept')
    .option('--by <name>', 'who; it is kept. Default: the user of this machine')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
What the load alone brought is gone, what it corrected or replaced holds again, and what came after it stays. Importing the same
files again brings them in anew. The accounts concerned are scored, by this process or, where KAFKA_BROKERS is set, by
the scorers. Questions with --known-at still see what was known then.

Example:
  perennial loads undo l-20260102-030405-1a2b --reason "wrong month"
`,
    )
    .action((id: string, options: UndoOptions) => undo(context, id, options));
  return command;
}

async function list({ terminal }: CommandContext, options: ListOptions): Promise<void> {
  const settings = settingsOf(terminal, options);
  const loads = await withStore(settings, (store) => listLoads(store, options.limit));
  if (options.json === true) {
    for (const load of loads) printJson(terminal, withTimes(load, 'startedAt', 'finishedAt', 'undoneAt'));
    return;
  }
  if (loads.length === 0) print(terminal, 'Nothing was loaded from files.');
  else
    printTable(
      terminal,
      ['load', 'status', 'what', 'new', 'same', 'corrected', 'withdrawn', 'rejected'],
      loads.map((load) => [
        load.id,
        load.status,
        whatOf(load),
        load.counts.new,
        load.counts.same,
        load.counts.corrected,
        load.counts.withdrawn,
        load.counts.rejected,
      ]),
    );
}

/** The source of an import, else the first of the files. */
function whatOf({ source, files }: Load): string {
  if (source !== '') return harmless(source);
  const [first = '', ...rest] = files;
  return harmless(rest.length === 0 ? first : `${first} and ${rest.length} more`);
}

async function show({ terminal }: CommandContext, id: string, options: ShowOptions): Promise<void> {
  const settings = settingsOf(terminal, options);
  const load = await withStore(settings, (store) => readLoad(store, id));
  if (options.json === true) {
    printJson(terminal, withTimes(load, 'startedAt', 'finishedAt', 'undoneAt'));
    return;
  }
  const line = (name: string, text: string) => print(terminal, `${name.padEnd(10)} ${harmless(text)}`);
  const time = (at: number | null) => (at === null ? '' : new Date(at).toISOString());
  line('load', load.id);
  line('status', load.status);
  line('by', load.by);
  line('started', time(load.startedAt));
  line('finished', time(load.finishedAt));
  if (load.mapping !== '') line('mapping', load.mapping);
  if (load.source !== '') line('source', load.source);
  for (const file of load.files) line('file', file);
  for (const [name, count] of Object.entries(load.counts)) line(name, count.toLocaleString('en'));
  if (load.undoneAt !== null)
    line('undone', `${time(load.undoneAt)} by ${load.undoneBy}: ${load.undoneReason}`);
}

async function undo({ terminal }: CommandContext, id: string, options: UndoOptions): Promise<void> {
  const settings = settingsOf(terminal, options);
  if (options.dryRun === true) {
    const records = await withStore(settings, async (store) => {
      await readLoad(store, id);
      return recordsOfLoad(store, id);
    });
    if (options.json === true) printJson(terminal, { dryRun: true, load: id, records });
    else print(terminal, `Nothing was changed. The load concerns ${records.toLocaleString('en')} records.`);
    return;
  }
  const { removed, restored, kept, accounts } = await withStore(settings, (store) =>
    undoLoad(store, id, { by: options.by ?? userName(), reason: options.reason ?? '', now: systemClock() }),
  );
  const scored = await rescoreAccounts(settings, accounts);
  if (options.json === true) {
    printJson(terminal, { dryRun: false, load: id, removed, restored, kept, accounts, scored });
    return;
  }
  print(
    terminal,
    `Undone: ${removed.toLocaleString('en')} records of it are gone, ${restored.toLocaleString('en')} hold again as before.`,
  );
  if (kept > 0) print(terminal, `${kept.toLocaleString('en')} stay, since they came from elsewhere, too.`);
  print(terminal, scored);
}
