import { userInfo } from 'node:os';
import { Command } from 'commander';
import { type Millis, systemClock } from '../../../core/clock.js';
import { PerennialError } from '../../../core/errors.js';
import { LIMITS } from '../../../core/limits.js';
import type { Settings } from '../../../core/settings.js';
import { COMMAND_EVENTS, type CommandName } from '../../../decisions/answer.js';
import type { DecisionStatus } from '../../../decisions/decision.js';
import { OPEN_STATUSES, TRANSITIONS } from '../../../decisions/lifecycle.js';
import type { Engine } from '../../../engine/engine.js';
import { InboxDecider } from '../../../engine/inbox-decider.js';
import { brokersOf } from '../../../kafka/client.js';
import type { DecisionFilter } from '../../../store/decision-list.js';
import { isFenced, scoredByScorers } from '../../../store/scorer-fence.js';
import { duration, time } from '../../arguments.js';
import { withScorers } from '../../ask-scorers.js';
import type { CommandContext } from '../../command-context.js';
import { EXIT } from '../../exit-codes.js';
import { addEngineReadFlags, type EngineFlags, settingsOf, withEngine } from '../../open-engine.js';
import { askEngine } from '../../running-engine.js';
import { print, printJson } from '../../terminal.js';
import { decisionJson } from './decision-json.js';
import { type CommandGiven, type Desk, deskOfEngine, deskOfScorers } from './desk.js';
import { deskOfApi } from './desk-of-api.js';
import { addFilterFlags, type FilterFlags, filterOf, isFiltered } from './filter-options.js';
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

const SHOWN = 20;

/** `perennial decisions approve`, `reject`, `present`, … : one command for each thing that people do to decisions. */
export function answerCommands(context: CommandContext): Command[] {
  return (Object.keys(COMMANDS) as CommandName[]).map((name) => answerCommand(name, context));
}

function answerCommand(name: CommandName, context: CommandContext): Command {
  const { what, needsReason } = COMMANDS[name];
  const command = addFilterFlags(addEngineReadFlags(new Command(name)))
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
  const chosenBy: Chosen = {
    ids,
    filter: filterOf(options, LIMITS.commandRows, terminal.clock(), chosenByFilter(name)),
  };
  const settings = settingsOf(terminal, options);
  await askEngine(
    settings,
    (running) => actAt(deskOfApi(running), name, chosenBy, command, options, context),
    () =>
      withEngine(
        settings,
        'answer',
        (engine) =>
          withDesk(engine, settings, (desk) => actAt(desk, name, chosenBy, command, options, context)),
        terminal.clock,
      ),
  );
}

/** Runs work at the desk of a store. Throws `failed_precondition` where scorers have it and there is no way to them. */
async function withDesk(
  engine: Engine,
  settings: Settings,
  work: (desk: Desk) => Promise<void>,
): Promise<void> {
  const { store } = engine;
  if (!(await isFenced(store))) return work(deskOfEngine(engine));
  if (brokersOf(settings).length === 0)
    throw scoredByScorers('Set KAFKA_BROKERS: the command then has the scorers answer.');
  await withScorers(settings, (ask) =>
    work(deskOfScorers(store, new InboxDecider(store, systemClock, (accounts) => ask(accounts, true)))),
  );
}

/**
 * What a filter looks through where no status is given: what is open and may change so; `reopen` alone is for what has closed.
 * What waits for approval can have been shown or done all the same, but nobody means it by a filter: it is named, or its status is.
 */
export function chosenByFilter(name: CommandName): readonly DecisionStatus[] {
  const { from } = TRANSITIONS[COMMAND_EVENTS[name]];
  const passesApproval = name === 'present' || name === 'resolve';
  const open = from.filter(
    (status) => OPEN_STATUSES.includes(status) && !(passesApproval && status === 'pending_approval'),
  );
  return open.length > 0 ? open : from;
}

interface Chosen {
  readonly ids: readonly string[];
  readonly filter: DecisionFilter;
}

async function actAt(
  desk: Desk,
  name: CommandName,
  { ids, filter }: Chosen,
  command: CommandGiven,
  options: Options,
  context: CommandContext,
): Promise<void> {
  const { terminal } = context;
  const chosen = ids.length > 0 ? await desk.named(ids) : await desk.filtered(filter);
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
  const { changed, refusals } = await desk.act(chosen, command);
  if (options.json === true) {
    for (const decision of await desk.read(changed)) printJson(terminal, decisionJson(decision));
    for (const { decisionId, reason } of refusals) printJson(terminal, { decisionId, refused: reason });
  } else {
    print(
      terminal,
      `${changed.length} changed, ${refusals.length} refused, ${chosen.length - changed.length - refusals.length} unchanged.`,
    );
    for (const { decisionId, reason } of refusals.slice(0, SHOWN))
      print(terminal, terminal.colors.red(`${decisionId.slice(0, 12)}: ${reason}`));
  }
  if (refusals.length > 0) context.exitCode = EXIT.rejected;
}

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
