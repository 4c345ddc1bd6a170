import { Command } from 'commander';
import { restore } from '../../store/backup.js';
import { openStore } from '../../store/open-store.js';
import type { CommandContext } from '../command-context.js';
import { addStoreFlags, type StoreFlags, settingsOf, storeOptions } from '../open-engine.js';
import { print, printJson } from '../terminal.js';

interface Options extends StoreFlags {
  readonly json?: boolean;
}

export function restoreCommand({ terminal }: CommandContext): Command {
  return addStoreFlags(new Command('restore'))
    .description('restore a backup into a store without tables')
    .argument('<backup>', 'folder of the backup')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Compares the rows of every table with the backup's manifest, then brings them to this version. A backup that adds to a full one needs
that one beside it.

Examples:
  perennial restore /backups/20260301T020000000Z --data ./restored
`,
    )
    .action(async (backup: string, options: Options) => {
      const store = await openStore(storeOptions(settingsOf(terminal, options)));
      try {
        const manifest = await restore(store, backup);
        const tables = Object.values(manifest.tables);
        const compared = tables.filter((rows) => rows !== null);
        const rows = compared.reduce((sum, count) => sum + count, 0).toLocaleString('en-US');
        const others = tables.length - compared.length;
        const written = others === 0 ? '' : `; ${others} more were written to while it was made`;
        if (options.json === true) printJson(terminal, { store: store.name, ...manifest });
        else
          print(
            terminal,
            `Restored ${tables.length} tables of ${manifest.createdAt} into ${store.name}. Of ${compared.length} all rows are there (${rows})${written}.`,
          );
      } finally {
        await store.close();
      }
    });
}
