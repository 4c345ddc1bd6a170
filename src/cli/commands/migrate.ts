import { Command } from 'commander';
import { migrateWithOwnViews } from '../../store/migrate.js';
import { openStore } from '../../store/open-store.js';
import { applyRetention } from '../../store/retention.js';
import { schemaState } from '../../store/schema-state.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-codes.js';
import { keptBy } from '../kept.js';
import { addStoreFlags, type StoreFlags, settingsOf, storeOptions } from '../open-engine.js';
import { print, printJson } from '../terminal.js';

interface Options extends StoreFlags {
  readonly check?: boolean;
  readonly json?: boolean;
}

export function migrateCommand(context: CommandContext): Command {
  const { terminal } = context;
  return addStoreFlags(new Command('migrate'))
    .description('make the tables of the store, or bring them to this version')
    .option('--check', 'change nothing; end with 3 when something is missing')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
The roles do the same when they start, with how long things are kept (PERENNIAL_KEEP_*_DAYS); of several processes one does it, and the others wait. Roles of the version before go on running
beside the new tables. Only this command puts back views that a later version has replaced. docs/operations.md says how to upgrade, and how to go back.

Examples:
  perennial migrate --check
  CLICKHOUSE_URL=http://localhost:8123/perennial perennial migrate
`,
    )
    .action(async (options: Options) => {
      const settings = settingsOf(terminal, options);
      const store = await openStore({
        ...storeOptions(settings),
        create: options.check !== true,
      });
      try {
        if (options.check === true) {
          const { missing, newer, replaced } = await schemaState(store);
          const names = missing.map(({ name }) => name);
          if (names.length > 0 || replaced !== undefined) context.exitCode = EXIT.check;
          if (options.json === true)
            printJson(terminal, {
              store: store.name,
              missing: names,
              newer,
              replaced: replaced === undefined ? [] : [replaced.name],
            });
          else if (names.length > 0) print(terminal, `Missing in ${store.name}: ${names.join(', ')}`);
          else if (replaced !== undefined)
            print(
              terminal,
              `${store.name} has the views of another version, which replaced ${replaced.name}; \`perennial migrate\` puts these back.`,
            );
          else print(terminal, `${store.name} is up to date.`);
          return;
        }
        const { applied } = await migrateWithOwnViews(store);
        const kept = await applyRetention(store, keptBy(settings));
        if (options.json === true) printJson(terminal, { store: store.name, applied, kept });
        else {
          print(
            terminal,
            applied.length === 0
              ? `${store.name} is up to date.`
              : `Applied to ${store.name}: ${applied.join(', ')}`,
          );
          if (kept.length > 0)
            print(terminal, `Retention changed of ${kept.join(', ')}: the engine removes what is older.`);
        }
      } finally {
        await store.close();
      }
    });
}
