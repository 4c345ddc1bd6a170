import { Command } from 'commander';
import { PerennialError } from '../../../core/errors.js';
import { explainSignal, type SignalForSubscription } from '../../../features/explain/explain-signal.js';
import { time } from '../../arguments.js';
import type { CommandContext } from '../../command-context.js';
import { withTimes } from '../../json-times.js';
import { addEngineReadFlags, type EngineFlags, settingsOf, withStore } from '../../open-engine.js';
import { scoringIn } from '../../scoring-folder.js';
import { harmless, print, printJson, printTable, type Terminal } from '../../terminal.js';

interface Options extends EngineFlags {
  readonly asOf?: number;
  readonly json?: boolean;
}

export function explainSignalCommand({ terminal }: CommandContext): Command {
  return addEngineReadFlags(new Command('explain'))
    .description('say which features count a signal, which do not, and why')
    .argument('<source>', 'who sent it')
    .argument('<id>', 'its id there')
    .option('--as-of <time>', 'as of this time (default: now)', time)
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Every subscription of its account is looked at. Features that do not read signals of its type are not listed.

Example:
  perennial signals explain billing inv-1042
`,
    )
    .action(async (source: string, id: string, options: Options) => {
      const settings = settingsOf(terminal, options);
      const { catalogue } = scoringIn(settings.PERENNIAL_SCORING);
      const asOf = options.asOf ?? terminal.clock();
      const found = await withStore(settings, (store) =>
        explainSignal(store, catalogue, { source, id }, asOf),
      );
      if (found === undefined)
        throw new PerennialError('not_found', `There is no signal ${id} of ${source}.`, {
          hint: 'Look for it in the view signals, or among those that were refused: perennial rejected list.',
        });
      const { signal, subscriptions } = found;
      if (options.json === true) {
        printJson(terminal, { signal: withTimes(signal, 'occurredAt', 'receivedAt'), subscriptions });
        return;
      }
      const { type, category, accountId, subscriptionId, occurredAt, receivedAt, value, ended } = signal;
      print(
        terminal,
        harmless(
          `${category}.${type} of ${accountId}${subscriptionId === '' ? '' : `, subscription ${subscriptionId}`}, ${iso(occurredAt)}${value === null ? '' : `, value ${value}`}; arrived ${iso(receivedAt)}${ended === '' ? '' : `; ${ended}`}`,
        ),
      );
      if (subscriptions.length === 0)
        print(terminal, `No subscription of ${harmless(accountId)} runs as of ${iso(asOf)}.`);
      for (const one of subscriptions) show(terminal, one, type);
    });
}

function show(
  terminal: Terminal,
  { subscriptionId, outside, features }: SignalForSubscription,
  type: string,
): void {
  print(terminal);
  const name = terminal.colors.bold(harmless(subscriptionId));
  if (outside !== '') {
    print(terminal, `${name}: counted by no feature, since ${harmless(outside)}`);
    return;
  }
  if (features.length === 0) {
    print(terminal, `${name}: no feature reads ${harmless(type)}`);
    return;
  }
  print(terminal, name);
  const rows = [...features].sort((a, b) => Number(b.counts) - Number(a.counts));
  printTable(
    terminal,
    ['feature', 'counts', 'measure', 'why'],
    rows.map(({ feature, counts, measure, why }) => [feature, counts ? 'yes' : 'no', measure, why]),
  );
}

const iso = (at: number) => new Date(at).toISOString();
