import { Command, Option } from 'commander';
import { PerennialError } from '../../core/errors.js';
import { DECISION_STATUSES, type DecisionStatus } from '../../decisions/decision.js';
import { listDecisions } from '../../store/decision-log.js';
import { wholeNumber } from '../arguments.js';
import type { CommandContext } from '../command-context.js';
import { withTimes } from '../json-times.js';
import { addStoreFlags, type StoreFlags, settingsOf, withStore } from '../open-engine.js';
import { print, printJson, printTable } from '../terminal.js';

interface Options extends StoreFlags {
  readonly status?: DecisionStatus;
  readonly subscription?: string;
  readonly limit: number;
  readonly json?: boolean;
}

export function decisionsCommand({ terminal }: CommandContext): Command {
  return addStoreFlags(new Command('decisions'))
    .description('list decisions, the newest first')
    .addOption(
      new Option('--status <status>', 'only this status (default: the open ones)').choices(DECISION_STATUSES),
    )
    .option('--subscription <id>', 'only this subscription')
    .option('--limit <number>', 'how many, up to 1000', wholeNumber, 20)
    .option('--json', 'one JSON object a line')
    .addHelpText(
      'after',
      `
A decision opens once and stays open until it is answered, expires, or its condition clears; a rescore does not repeat it.

Examples:
  perennial decisions --limit 10
  perennial decisions --subscription sub-000019-1 --status expired --json
`,
    )
    .action(async (options: Options) => {
      if (options.limit < 1 || options.limit > 1000)
        throw new PerennialError('invalid_argument', '--limit is from 1 to 1000.');
      const decisions = await withStore(settingsOf(terminal, options), (store) =>
        listDecisions(store, {
          statuses: options.status === undefined ? ['open', 'pending_approval'] : [options.status],
          limit: options.limit,
          ...(options.subscription === undefined ? {} : { subscriptionId: options.subscription }),
        }),
      );
      if (options.json === true) {
        for (const decision of decisions)
          printJson(terminal, withTimes(decision, 'asOf', 'openedAt', 'closedAt', 'expiresAt'));
        return;
      }
      if (decisions.length === 0) {
        print(terminal, 'There is no such decision.');
        return;
      }
      printTable(
        terminal,
        ['opened', 'subscription', 'kind', 'action', 'status', 'rule', 'why'],
        decisions.map((d) => [
          new Date(d.openedAt).toISOString().slice(0, 10),
          d.subscriptionId,
          d.kind,
          d.action,
          d.status,
          d.rule,
          d.reasons.slice(0, 2).join('; '),
        ]),
      );
    });
}
