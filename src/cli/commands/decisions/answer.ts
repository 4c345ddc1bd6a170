import { userInfo } from 'node:os';
import { Command } from 'commander';
import type { Millis } from '../../../core/clock.js';
import { PerennialError } from '../../../core/errors.js';
import { stableId } from '../../../core/identity.js';
import { type Answer, COMMAND_EVENTS, type CommandName } from '../../../decisions/answer.js';
import type { Decision } from '../../../decisions/decision.js';
import { TRANSITIONS } from '../../../decisions/lifecycle.js';
import { listDecisions } from '../../../store/decision-log.js';
import { duration, time } from '../../arguments.js';
import type { CommandContext } from '../../command-context.js';
import { EXIT } from '../../exit-codes.js';
import { addEngineFlags, type EngineFlags, settingsOf, withEngine } from '../../open-engine.js';
import { print, printJson } from '../../terminal.js';
import { decisionJson } from './decision-json.js';
import { addFilterFlags, type FilterFlags, filterOf, isFiltered } from './filter-options.js';
import { findDecisions } from './find-decisions.js';
import { printDecisions } from './list.js';

interface Options extends EngineFlags, FilterFlags {
  readonly by?: string;
  readonly reason?: string;
  readonly terms?: string;
  readonly until?: Millis;
  readonly for?: Millis;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** What each command does, and whether it has to say why. */
const COMMANDS: Readonly<Record<CommandName, { readonly what: string; readonly needsReason: boolean }>> = {
  approve: { what: 'let decisions that wait for approval open', needsReason: false },
  reject: { what: 'refuse decisions that wait for approval', needsReason: true },
  present: { what: 'record that the customer has seen decisions', needsReason: false },
  acknowledge: { what: 'record that the owner has taken escalations', needsReason: false },
  snooze: { what: 'let escalations and touchpoints rest until a time', needsReason: true },
  resolve: { what: 'record that escalations and touchpoints are done', needsReason: false },
  withdraw: { what: 'take decisions back', needsReason: true },
  reopen: { what: 'open decisions again that closed without an answer', needsReason: true },
};

/** Decisions that one command may change. */
const MOST = 100_000;
const SHOWN = 20;

/** `perennial decisions approve`, `reject`, `present`, … : one command for each thing that people do to decisions. */
export function answerCommands(context: CommandContext): Command[] {
  return (Object.keys(COMMANDS) as CommandName[]).map((name) => answerCommand(name, context));
}

function answerCommand(name: CommandName, context: CommandContext): Command {
  const { what, needsReason } = COMMANDS[name];
  const command = addFilterFlags(addEngineFlags(new Command(name)))
    .description(what)
    .argument('[ids...]', 'ids of decisions, or the beginnings of them; without, the filters choose')
    .option('--by <name>', 'who does it (default: the user who runs this)')
    .option('--reason <text>', needsReason ? 'why; required' : 'why')
    .option('--yes', 'with filters: do it, after a look at what it would change')
    .option('--json', 'one JSON object a line: the decisions that changed, and refusals');
  if (name === 'approve')
    command.option('--terms <hash>', 'approve these terms only; decisions show tells them');
  if (name === 'snooze')
    command
      .option('--until <time>', 'until this time', time)
      .option('--for <duration>', 'for so long, such as 3d', duration);
  return command.action((ids: readonly string[], options: Options) => act(name, ids, options, context));
}

async function act(
  name: CommandName,
  ids: readonly string[],
  options: Options,
  context: CommandContext,
): Promise<void> {
  const { terminal } = context;
  const command = commandOf(name, options, terminal.clock());
  if (ids.length > 0 && isFiltered(options))
    throw new PerennialError('invalid_argument', 'Give ids or filters, not both.');
  if (ids.length === 0 && !isFiltered(options))
    throw new PerennialError('invalid_argument', `Which decisions are meant? Nothing chooses them.`, {
      hint: `Give ids, or filters such as --rule or --waits-for: perennial decisions ${name} --help`,
    });
  await withEngine(
    settingsOf(terminal, options),
    async (engine) => {
      const chosen =
        ids.length > 0
          ? await findDecisions(engine.store, ids)
          : await listDecisions(
              engine.store,
              filterOf(options, MOST, terminal.clock(), TRANSITIONS[COMMAND_EVENTS[name]].from),
            );
      if (chosen.length === 0) {
        print(terminal, 'No decision is like that.');
        return;
      }
      if (ids.length === 0 && options.yes !== true) {
        printDecisions(terminal, chosen.slice(0, SHOWN));
        if (chosen.length > SHOWN) print(terminal, `… and ${chosen.length - SHOWN} more`);
        print(
          terminal,
          `Nothing has been changed. With --yes this would ${name} ${chosen.length === 1 ? 'this decision' : `these ${chosen.length} decisions`}.`,
        );
        return;
      }
      const { events, refusals } = await engine.answer(chosen.map((decision) => answerTo(decision, command)));
      const changed = new Map(events.map(({ decision }) => [decision.decisionId, decision]));
      if (options.json === true) {
        for (const decision of changed.values()) printJson(terminal, decisionJson(decision));
        for (const { answer, reason } of refusals)
          printJson(terminal, { decisionId: answer.decisionId, refused: reason });
      } else {
        print(
          terminal,
          `${changed.size} changed, ${refusals.length} refused, ${chosen.length - changed.size - refusals.length} were like that already.`,
        );
        for (const { answer, reason } of refusals.slice(0, SHOWN))
          print(terminal, terminal.colors.red(`${answer.decisionId.slice(0, 12)}: ${reason}`));
      }
      if (refusals.length > 0) context.exitCode = EXIT.rejected;
    },
    terminal.clock,
  );
}

type CommandGiven = Omit<Answer, 'accountId' | 'decisionId' | 'answerId'>;

function commandOf(name: CommandName, options: Options, at: Millis): CommandGiven {
  if (COMMANDS[name].needsReason && (options.reason ?? '').trim() === '')
    throw new PerennialError('invalid_argument', `--reason is missing: say why, for those who ask later.`);
  const until = options.until ?? (options.for === undefined ? null : at + options.for);
  if (name === 'snooze' && (until === null || until <= at))
    throw new PerennialError(
      'invalid_argument',
      'Until when? --until takes a time to come, --for a length of time.',
    );
  return {
    kind: name,
    at,
    actor: options.by ?? userInfo().username,
    reason: options.reason ?? '',
    until,
    terms: options.terms ?? '',
  };
}

function answerTo({ accountId, decisionId }: Decision, command: CommandGiven): Answer {
  const { kind, at, actor } = command;
  return { ...command, accountId, decisionId, answerId: `command/${stableId(decisionId, kind, at, actor)}` };
}
