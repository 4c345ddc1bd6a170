import { Command } from 'commander';
import { systemClock } from '../../core/clock.js';
import { type Backup, backUp, listBackups } from '../../store/backup.js';
import type { CommandContext } from '../command-context.js';
import { untilStopped } from '../interrupt.js';
import { addStoreFlags, openExistingStore, type StoreFlags, settingsOf } from '../open-engine.js';
import { print, printJson } from '../terminal.js';

interface Options extends StoreFlags {
  readonly full?: boolean;
  readonly list?: boolean;
  readonly json?: boolean;
}

export function backupCommand({ terminal }: CommandContext): Command {
  const show = ({ name, manifest }: Backup, json: boolean | undefined) => {
    if (json === true) printJson(terminal, { name, ...manifest });
    else
      print(
        terminal,
        `${name}: ${manifest.base === null ? 'full' : `adds to ${manifest.base}`}, ${Object.keys(manifest.tables).length} tables`,
      );
  };
  return addStoreFlags(new Command('backup'))
    .description('back the store up into a folder; the next ones hold only what was added')
    .argument('<dir>', 'directory of the backups, on the machine of the store')
    .option('--full', 'a full backup, which later ones add to')
    .option('--list', 'only list the backups in the directory')
    .option('--json', 'one JSON object a backup')
    .addHelpText(
      'after',
      `
Each backup is a folder with a manifest, written last: one without it was cut off. All but full ones need the full one that they
add to. Of a store that a process serves (perennial clickhouse), set CLICKHOUSE_URL and a user who may reach files.

Examples:
  perennial backup /backups
  perennial backup /backups --full
`,
    )
    .action(async (directory: string, options: Options) => {
      if (options.list === true) {
        const { backups, damaged } = listBackups(directory);
        for (const backup of backups) show(backup, options.json);
        for (const name of damaged)
          terminal.stderr.write(`${name} is damaged: its manifest cannot be read.\n`);
        return;
      }
      const store = await openExistingStore(settingsOf(terminal, options));
      try {
        await untilStopped('The backup', async (signal) => {
          show(
            await backUp(store, directory, { now: systemClock(), full: options.full === true, signal }),
            options.json,
          );
        });
      } finally {
        await store.close();
      }
    });
}
