import { Command } from 'commander';
import { PerennialError } from '../../../core/errors.js';
import { listRevisions, readRevision } from '../../../store/revisions.js';
import type { CommandContext } from '../../command-context.js';
import { withTimes } from '../../json-times.js';
import { addReadFlags, type StoreFlags, settingsOf, withStore } from '../../open-engine.js';
import { restoreRules } from '../../restore-rules.js';
import { print, printJson, printTable } from '../../terminal.js';

interface Options extends StoreFlags {
  readonly write?: string;
  readonly replace?: boolean;
  readonly json?: boolean;
}

/** `perennial rules history`: the rule sets that have been live, as the store keeps them. */
export function rulesHistoryCommand({ terminal }: CommandContext): Command {
  return addReadFlags(new Command('history'))
    .description('list the rule sets that have been live, or show one')
    .argument('[revision]', 'show the files of this revision')
    .option('--write <dir>', 'with a revision: make the rule set in this folder the one of the revision')
    .option('--replace', 'with --write: take files of rules away that the revision does not have')
    .option('--json', 'as JSON')
    .action(async (revision: string | undefined, options: Options) => {
      const settings = settingsOf(terminal, options);
      if (revision === undefined) {
        const sets = await withStore(settings, (store) => listRevisions(store, 'rules'));
        const rows = sets.map((set) => ({
          revision: set.revision,
          recordedAt: new Date(set.recordedAt).toISOString(),
          files: Object.keys(set.files).sort(),
        }));
        if (options.json === true) printJson(terminal, rows);
        else {
          printTable(
            terminal,
            ['revision', 'first live', 'files'],
            rows.map((row) => [row.revision, row.recordedAt, row.files.join(', ')]),
          );
        }
        return;
      }
      const set = await withStore(settings, (store) => readRevision(store, 'rules', revision));
      if (set === undefined)
        throw new PerennialError('not_found', `The store has no rule set of revision ${revision}.`);
      const restored =
        options.write === undefined
          ? undefined
          : restoreRules(options.write, new Map(Object.entries(set.files)), options.replace === true);
      if (options.json === true) printJson(terminal, { ...withTimes(set, 'recordedAt'), ...restored });
      else if (restored === undefined) {
        for (const [name, text] of Object.entries(set.files)) print(terminal, `--- ${name}\n${text}`);
      } else {
        for (const name of restored.written) print(terminal, `wrote ${options.write}/${name}`);
        for (const name of restored.removed) print(terminal, `removed ${options.write}/${name}`);
        print(terminal, `${options.write} holds revision ${revision}`);
      }
    });
}
