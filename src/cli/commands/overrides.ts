import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { Command, InvalidArgumentError } from 'commander';
import type { RiskOverride as RiskOverridePb } from '../../client/index.js';
import { liftOverride, setOverride } from '../../engine/override-risk.js';
import type { RiskOverride } from '../../scoring/override.js';
import { readOverrides } from '../../store/risk-overrides.js';
import { time } from '../arguments.js';
import type { CommandContext } from '../command-context.js';
import { withTimes } from '../json-times.js';
import { addEngineReadFlags, type EngineFlags, settingsOf, withStore } from '../open-engine.js';
import { rescoreAccounts } from '../rescore-accounts.js';
import { askEngine } from '../running-engine.js';
import { harmless, print, printJson, printTable } from '../terminal.js';
import { userName } from '../user-name.js';

interface SetOptions extends EngineFlags {
  readonly risk: number;
  readonly reason: string;
  readonly until: number;
  readonly by?: string;
  readonly json?: boolean;
}

interface LiftOptions extends EngineFlags {
  readonly reason: string;
  readonly by?: string;
  readonly json?: boolean;
}

interface Done {
  readonly override: RiskOverride;
  /** A sentence that says which process scores the account anew. */
  readonly scored: string;
}

const RUNNING = 'The engine that runs scores it.';

export function overridesCommand({ terminal }: CommandContext): Command {
  const command = new Command('overrides').description(
    'say what a risk is where a person knows better, with a reason and an end',
  );
  addEngineReadFlags(
    command.command('set').description('have the risk of a subscription be this, for a time'),
  )
    .argument('<subscription>', 'id of the subscription')
    .requiredOption('--risk <number>', '0 to 100, higher is worse', riskIn)
    .requiredOption('--reason <text>', 'why; it is kept, and shown beside the risk')
    .requiredOption('--until <date>', 'until when it holds, within 400 days', time)
    .option('--by <name>', 'who says so. Default: the user of this machine')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
The computed risk stays beside it, with its contributions: in the view risks, in GetRisk and in perennial explain. Rules see
the risk that a person said, and the band and probability that follow from it. It ends with the first scoring after its end.

Example:
  perennial overrides set sub-000019-1 --risk 85 --reason "champion told us that they leave" --until 2027-03-31
`,
    )
    .action(async (subscriptionId: string, options: SetOptions) => {
      const settings = settingsOf(terminal, options);
      const { risk, reason, until } = options;
      const author = options.by ?? userName();
      const wanted = { subscriptionId, risk, reason, author, until };
      const { override, scored } = await askEngine<Done>(
        settings,
        async ({ riskOverrides }) => {
          const endTime = timestampFromMs(until);
          const request = { subscriptionId, risk, reason, author, endTime };
          return { override: overrideOf(await riskOverrides.setRiskOverride(request)), scored: RUNNING };
        },
        async () => {
          const { clock } = terminal;
          const done = await withStore(settings, (store) => setOverride({ store, clock }, wanted));
          return { override: done, scored: await rescoreAccounts(settings, [done.accountId]) };
        },
      );
      if (options.json === true) printJson(terminal, { ...withTimes(override, 'setAt', 'until'), scored });
      else
        print(terminal, `The risk of ${harmless(subscriptionId)} is ${risk} until ${iso(until)}.\n${scored}`);
    });
  addEngineReadFlags(command.command('lift').description('have a risk be as it is computed again'))
    .argument('<subscription>', 'id of the subscription')
    .option('--reason <text>', 'why; it is kept', '')
    .option('--by <name>', 'who says so. Default: the user of this machine')
    .option('--json', 'as JSON')
    .action(async (subscriptionId: string, options: LiftOptions) => {
      const settings = settingsOf(terminal, options);
      const { reason } = options;
      const author = options.by ?? userName();
      const { override, scored } = await askEngine<Done>(
        settings,
        async ({ riskOverrides }) => ({
          override: overrideOf(await riskOverrides.liftRiskOverride({ subscriptionId, reason, author })),
          scored: RUNNING,
        }),
        async () => {
          const { clock } = terminal;
          const done = await withStore(settings, (store) =>
            liftOverride({ store, clock }, { subscriptionId, reason, author }),
          );
          return { override: done, scored: await rescoreAccounts(settings, [done.accountId]) };
        },
      );
      if (options.json === true) printJson(terminal, { ...withTimes(override, 'setAt', 'until'), scored });
      else print(terminal, `The risk of ${harmless(subscriptionId)} is as it is computed again.\n${scored}`);
    });
  addEngineReadFlags(command.command('list').description('list the overrides that hold'))
    .option('--json', 'one JSON object a line')
    .action(async (options: EngineFlags & { readonly json?: boolean }) => {
      const settings = settingsOf(terminal, options);
      const found = await withStore(settings, (store) => readOverrides(store, terminal.clock()));
      if (options.json === true) {
        for (const one of found) printJson(terminal, withTimes(one, 'setAt', 'until'));
        return;
      }
      if (found.length === 0) print(terminal, 'No risk is overridden.');
      else
        printTable(
          terminal,
          ['subscription', 'risk', 'since', 'until', 'by', 'reason'],
          found.map(({ subscriptionId, risk, setAt, until, author, reason }) => [
            harmless(subscriptionId),
            risk,
            iso(setAt),
            iso(until),
            harmless(author),
            harmless(reason),
          ]),
        );
    });
  return command;
}

function riskIn(text: string): number {
  const risk = Number(text);
  if (!/\d/.test(text) || !(risk >= 0 && risk <= 100))
    throw new InvalidArgumentError('It must be a number from 0 to 100.');
  return risk;
}

function overrideOf(message: RiskOverridePb): RiskOverride {
  const { accountId, subscriptionId, risk, reason, author, setTime, endTime } = message;
  return {
    ...{ accountId, subscriptionId, risk, reason, author },
    setAt: timestampMs(setTime!),
    until: timestampMs(endTime!),
  };
}

const iso = (at: number) => new Date(at).toISOString();
