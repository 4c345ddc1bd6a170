import { Command, Option } from 'commander';
import { PerennialError } from '../../../core/errors.js';
import { LIMITS } from '../../../core/limits.js';
import type { Decision } from '../../../decisions/decision.js';
import { DECISION_ORDERS, type DecisionOrder, listDecisions } from '../../../store/decision-list.js';
import { wholeNumber } from '../../arguments.js';
import type { CommandContext } from '../../command-context.js';
import { addReadFlags, type StoreFlags, settingsOf, withStore } from '../../open-engine.js';
import { askEngine } from '../../running-engine.js';
import { print, printJson, printTable, type Terminal } from '../../terminal.js';
import { money } from '../../words.js';
import { decisionJson } from './decision-json.js';
import { deskOfApi } from './desk-of-api.js';
import { addFilterFlags, type FilterFlags, filterOf } from './filter-options.js';

interface Options extends StoreFlags, FilterFlags {
  readonly order?: DecisionOrder;
  readonly limit: number;
  readonly json?: boolean;
}

export function decisionsListCommand({ terminal }: CommandContext): Command {
  return addFilterFlags(addReadFlags(new Command('list')))
    .description('list decisions, the newest first')
    .addOption(
      new Option('--order <order>', 'in this order (default: open_time desc)').choices(DECISION_ORDERS),
    )
    .option('--limit <number>', `how many, up to ${LIMITS.commandRows}`, wholeNumber, 20)
    .option('--json', 'one JSON object a line')
    .action(async (options: Options) => {
      if (options.limit < 1 || options.limit > LIMITS.commandRows)
        throw new PerennialError('invalid_argument', `--limit is from 1 to ${LIMITS.commandRows}.`);
      const settings = settingsOf(terminal, options);
      const { order } = options;
      const filter = {
        ...filterOf(options, options.limit, terminal.clock()),
        ...(order === undefined ? {} : { order }),
      };
      const decisions = await askEngine(
        settings,
        (running) => deskOfApi(running).filtered(filter),
        () => withStore(settings, (store) => listDecisions(store, filter)),
      );
      if (options.json === true) {
        for (const decision of decisions) printJson(terminal, decisionJson(decision));
        return;
      }
      if (decisions.length === 0) print(terminal, 'There is no such decision.');
      else printDecisions(terminal, decisions);
    });
}

export function printDecisions(terminal: Terminal, decisions: readonly Decision[]): void {
  printTable(
    terminal,
    ['id', 'opened', 'subscription', 'kind', 'action', 'status', 'cost', 'rule', 'why'],
    decisions.map((decision) => [
      decision.decisionId.slice(0, 12),
      new Date(decision.openedAt).toISOString().slice(0, 10),
      decision.subscriptionId,
      decision.kind,
      decision.action,
      decision.waitsFor === '' ? decision.status : `${decision.status} (${decision.waitsFor})`,
      decision.costMinor === 0 ? '' : money(decision.costMinor, decision.currency),
      decision.rule,
      decision.reasons.slice(0, 2).join('; '),
    ]),
  );
}
