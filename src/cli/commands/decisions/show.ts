import { Command } from 'commander';
import { each } from '../../../client/index.js';
import { listDecisions } from '../../../store/decision-list.js';
import { readEventsOf } from '../../../store/decision-log.js';
import type { CommandContext } from '../../command-context.js';
import { addReadFlags, type StoreFlags, settingsOf, withStore } from '../../open-engine.js';
import { decisionEventOf } from '../../remote-decisions.js';
import { askEngine } from '../../running-engine.js';
import { print, printJson, printTable } from '../../terminal.js';
import { money, riskText } from '../../words.js';
import { decisionJson } from './decision-json.js';
import { deskOfApi } from './desk-of-api.js';
import { findDecisions } from './find-decisions.js';

interface Options extends StoreFlags {
  readonly json?: boolean;
}

export function decisionsShowCommand({ terminal }: CommandContext): Command {
  return addReadFlags(new Command('show'))
    .description('show a decision: what it offers, why it was opened, and everything that happened to it')
    .argument('<id>', 'id of the decision, or the beginning of it')
    .option('--json', 'as JSON')
    .action(async (id: string, options: Options) => {
      const settings = settingsOf(terminal, options);
      const { decision, events } = await askEngine(
        settings,
        async (running) => {
          const [found] = await deskOfApi(running).named([id]);
          const { decisionId } = found!;
          const events = [];
          for await (const event of each(running.decisions.listDecisionEvents, 'events', { decisionId }))
            events.push(decisionEventOf(event));
          return { decision: found!, events };
        },
        () =>
          withStore(settings, async (store) => {
            const [found] = await findDecisions((filter) => listDecisions(store, filter), [id]);
            return { decision: found!, events: await readEventsOf(store, found!.decisionId) };
          }),
      );
      if (options.json === true) {
        const happened = events.map(({ event, at, actor, reason, causeId, decision: after }) => ({
          event,
          at: new Date(at).toISOString(),
          actor,
          reason,
          causeId,
          status: after.status,
        }));
        printJson(terminal, { ...decisionJson(decision), events: happened });
        return;
      }
      const { colors } = terminal;
      const time = (at: number | null): string =>
        at === null ? '' : new Date(at).toISOString().slice(0, 16).replace('T', ' ');
      print(
        terminal,
        `${colors.bold(`${decision.kind} ${decision.action}`)} for ${decision.subscriptionId} of ${decision.accountId}: ${colors.bold(decision.status)}${decision.waitsFor === '' ? '' : `, waits for ${decision.waitsFor}`}`,
      );
      print(terminal, `id ${decision.decisionId}, terms ${decision.terms}`);
      print(
        terminal,
        `opened ${time(decision.openedAt)} by rule ${decision.rule} at risk ${riskText(decision)} (${decision.band})` +
          `${decision.expiresAt === null ? '' : `, runs out ${time(decision.expiresAt)}`}${decision.dueAt === null ? '' : `, due ${time(decision.dueAt)}`}`,
      );
      if (decision.costMinor > 0) print(terminal, `costs ${money(decision.costMinor, decision.currency)}`);
      for (const reason of decision.reasons) print(terminal, `  because ${reason}`);
      for (const { rule, ruling } of decision.candidates)
        if (ruling !== 'chosen') print(terminal, `  beside it ${rule}: ${ruling.replaceAll('_', ' ')}`);
      for (const { rule, guardrail, reason } of decision.suppressed)
        print(terminal, `  suppressed ${rule} by ${guardrail}: ${reason}`);
      print(terminal);
      printTable(
        terminal,
        ['when', 'what', 'status after', 'who', 'why'],
        events.map(({ event, at, actor, reason, decision: after }) => [
          time(at),
          event.replaceAll('_', ' '),
          after.status,
          actor,
          reason,
        ]),
      );
    });
}
