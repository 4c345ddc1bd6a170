import { Command } from 'commander';
import { systemClock } from '../../core/clock.js';
import { PerennialError } from '../../core/errors.js';
import { eraseAccount, exportAccount } from '../../store/account-data.js';
import type { CommandContext } from '../command-context.js';
import { addStoreFlags, openExistingStore, type StoreFlags, settingsOf } from '../open-engine.js';
import { print, printJson } from '../terminal.js';

interface EraseOptions extends StoreFlags {
  readonly yes?: boolean;
  readonly json?: boolean;
}

export function accountCommand(context: CommandContext): Command {
  const { terminal } = context;
  const command = new Command('account').description(
    'what is kept about one account: all of it, or none of it any more',
  );
  addStoreFlags(command.command('export').description('print everything that the store holds of an account'))
    .argument('<account>', 'id of the account')
    .option('--json', 'one JSON object a row, as without it')
    .addHelpText(
      'after',
      `
One JSON object a line, with the table and its row. Refused messages that name the account or one of its subscriptions are among them.

Examples:
  perennial account export acct-000042 > acct-000042.ndjson
`,
    )
    .action(async (account: string, options: StoreFlags) => {
      const store = await openExistingStore(settingsOf(terminal, options));
      try {
        let rows = 0;
        for await (const row of exportAccount(store, account)) {
          printJson(terminal, row);
          rows++;
        }
        if (rows === 0) throw new PerennialError('not_found', `The store holds nothing of ${account}.`);
      } finally {
        await store.close();
      }
    });
  addStoreFlags(
    command.command('erase').description('erase an account everywhere in the store, and keep it out'),
  )
    .argument('<account>', 'id of the account')
    .option('--yes', 'really do it: there is no way back')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Takes a minute: the files that held the account are gone when it ends. What comes again later, as when Kafka is replayed, is left out.
Backups and Kafka topics still hold it: docs/operations.md says what to do about them.

Examples:
  perennial account erase acct-000042 --yes
`,
    )
    .action(async (account: string, options: EraseOptions) => {
      if (options.yes !== true) {
        throw new PerennialError('invalid_argument', `This erases ${account} for good.`, {
          hint: 'Say --yes if that is meant.',
        });
      }
      const store = await openExistingStore(settingsOf(terminal, options));
      try {
        const erasure = await eraseAccount(store, account, systemClock());
        if (options.json === true) {
          printJson(terminal, { account, ...erasure });
          return;
        }
        for (const [table, rows] of Object.entries(erasure.rows))
          print(terminal, `${table}: ${rows.toLocaleString('en-US')} rows`);
        const files = erasure.filesGone
          ? 'The files that held it are gone.'
          : 'The engine removes the files that held it within minutes.';
        print(terminal, `${account} is erased, and stays so. ${files}`);
      } finally {
        await store.close();
      }
    });
  return command;
}
