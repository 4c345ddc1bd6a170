import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { PerennialError } from '../../../core/errors.js';
import { listRevisions, readRevision } from '../../../store/revisions.js';
import type { CommandContext } from '../../command-context.js';
import { withTimes } from '../../json-times.js';
import { addStoreFlags, type StoreFlags, settingsOf, withStore } from '../../open-engine.js';
import { print, printJson, printTable } from '../../terminal.js';

interface Options extends StoreFlags {
  readonly write?: string;
  readonly json?: boolean;
}

/** `perennial rules history`: the rule sets that have been live, as the store keeps them. */
export function rulesHistoryCommand({ terminal }: CommandContext): Command {
  return addStoreFlags(new Command('history'))
    .description('list the rule sets that have been live, or show one')
    .argument('[revision]', 'show the files of this revision')
    .option('--write <dir>', 'with a revision: write its files into this folder')
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
      if (options.write !== undefined) {
        mkdirSync(options.write, { recursive: true });
        for (const [name, text] of Object.entries(set.files)) writeFileSync(join(options.write, name), text);
      }
      if (options.json === true) printJson(terminal, withTimes(set, 'recordedAt'));
      else if (options.write === undefined) {
        for (const [name, text] of Object.entries(set.files)) print(terminal, `--- ${name}\n${text}`);
      }
    });
}
